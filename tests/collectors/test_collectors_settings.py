"""What a collector is told: options before the environment before defaults, and a sentence for what cannot be used."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import settings
from collectors.arguments import HELP, UsageError, parse
from collectors.readers import METRICS
from collectors.settings import Given, Settings, read_settings
from mq.config import BROKER_DEFAULT
from mq.errors import BadSetting, BadTopic, MqError
from mq.topic import segment_of

EVERYTHING = {
    "METRIC_TYPE": "cpu",
    "NODE_NAME": "n1",
    "BROKER_URL": "tcp://b:7",
    "INTERVAL_SECONDS": "2.5",
    "HOST_MODE": "false",
}


def test_without_anything_said_all_metrics_of_this_host_go_to_this_machine() -> None:
    assert read_settings(Given(), {}) == Settings(
        tuple(METRICS), segment_of(os.uname().nodename), "tcp://127.0.0.1:5557", None, None
    )
    assert settings.BROKER_DEFAULT == BROKER_DEFAULT


def test_the_environment_says_all_there_is_to_say() -> None:
    assert read_settings(Given(), EVERYTHING) == Settings(("cpu",), "n1", "tcp://b:7", 2.5, None)


def test_options_win_over_the_environment() -> None:
    said = Given(("cpu", "cpu"), "n2", "tcp://c:8", "7")
    assert read_settings(said, {**EVERYTHING, "METRIC_TYPE": "gpu"}) == Settings(("cpu",), "n2", "tcp://c:8", 7.0, None)


def test_variables_that_are_empty_say_nothing() -> None:
    assert read_settings(Given(), dict.fromkeys([*EVERYTHING, "MINIMQ_BROKER"], "")) == read_settings(Given(), {})


@pytest.mark.parametrize(
    ("said", "endpoint"),
    [
        ("tcp://broker:5557", "tcp://broker:5557"),
        ("tcp://[::1]:9", "tcp://[::1]:9"),
        ("http://broker:5000", "tcp://broker:5557"),
        ("http://broker", "tcp://broker:5557"),
        ("http://broker:5000/produce", "tcp://broker:5557"),
        ("https://user:pass@broker.example:5000/", "tcp://broker.example:5557"),
        ("http://[fe80::1]:5000", "tcp://[fe80::1]:5557"),
        ("http://10.0.0.7:5000", "tcp://10.0.0.7:5557"),
    ],
)
def test_of_an_old_http_address_the_host_is_taken_with_the_port_of_today(said: str, endpoint: str) -> None:
    assert read_settings(Given(), {"BROKER_URL": said}).broker == endpoint
    assert read_settings(Given(broker=said), {"BROKER_URL": "tcp://other:1"}).broker == endpoint


def test_the_earlier_variable_wins_over_that_of_all_programs() -> None:
    assert read_settings(Given(), {"BROKER_URL": "tcp://a:1", "MINIMQ_BROKER": "tcp://b:2"}).broker == "tcp://a:1"
    assert read_settings(Given(), {"MINIMQ_BROKER": "tcp://b:2"}).broker == "tcp://b:2"


@pytest.mark.parametrize("variable", ["BROKER_URL", "MINIMQ_BROKER"])
@pytest.mark.parametrize("said", ["broker", "broker:5557", "tcp://broker", "http://", "http://:5000", "tcp://b:0", " "])
def test_a_broker_that_is_none_is_named_with_where_it_was_said(variable: str, said: str) -> None:
    with pytest.raises(BadSetting, match="use tcp://HOST:PORT") as caught:
        read_settings(Given(), {variable: said})
    assert (caught.value.name, caught.value.place) == ("broker", variable)


@pytest.mark.parametrize("said", ["cpu,net", " cpu net", "cpu\nnet, cpu"])
def test_several_metrics_may_be_said_in_one_word(said: str) -> None:
    assert read_settings(Given(), {"METRIC_TYPE": said}).metrics == ("cpu", "net")
    assert read_settings(Given((said,)), {"METRIC_TYPE": "mem"}).metrics == ("cpu", "net")


def test_an_unknown_metric_is_named_with_those_there_are() -> None:
    for said, environ in ((Given(("gpu",)), {}), (Given(), {"METRIC_TYPE": "cpu gpu"})):
        with pytest.raises(BadSetting, match="METRIC_TYPE: no 'gpu' here, only cpu, mem, disk, net"):
            read_settings(said, environ)


def test_a_node_must_be_one_segment_of_a_topic() -> None:
    with pytest.raises(BadSetting, match="'a/b' holds a '/'"):
        read_settings(Given(node="a/b"), {})
    with pytest.raises(BadSetting, match="'a/b' holds a '/'"):
        read_settings(Given(), {"NODE_NAME": "a/b"})
    for node in ("a b", ".a", "knöten", "x" * 200):
        with pytest.raises(BadTopic):
            read_settings(Given(), {"NODE_NAME": node})


@pytest.mark.parametrize(("said", "seconds"), [("1", 1.0), ("0.1", 0.1), (" 5 ", 5.0), ("86400", 86_400.0)])
def test_an_interval_is_in_seconds(said: str, seconds: float) -> None:
    assert read_settings(Given(), {"INTERVAL_SECONDS": said}).interval_s == seconds


@pytest.mark.parametrize("said", ["soon", "abc", "1s", "0", "-1", "0.09", "86401", "nan", "inf", "1e999"])
def test_an_interval_that_is_none_is_named(said: str) -> None:
    for given_, environ in ((Given(interval=said), {}), (Given(), {"INTERVAL_SECONDS": said})):
        with pytest.raises(BadSetting, match="interval in --interval or INTERVAL_SECONDS: "):
            read_settings(given_, environ)


@pytest.mark.parametrize("said", ["true", "TRUE", " True ", "1", "yes", "on"])
def test_in_host_mode_the_hosts_proc_is_read_where_it_is_mounted(said: str, tmp_path: Path) -> None:
    first, second = tmp_path / "host" / "proc", tmp_path / "host_proc"
    second.mkdir()
    (second / "stat").write_text("cpu  1 2 3")
    mounts = (str(first), str(second))
    assert read_settings(Given(), {"HOST_MODE": said}, mounts).proc == str(second)
    first.mkdir(parents=True)
    (first / "stat").write_text("cpu  1 2 3")
    assert read_settings(Given(), {"HOST_MODE": said}, mounts).proc == str(first)


def test_host_mode_without_a_mount_says_what_to_mount(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    with pytest.raises(BadSetting, match=f"HOST_MODE in the environment: mount the host's /proc at {tmp_path}/proc"):
        read_settings(Given(), {"HOST_MODE": "true"}, (f"{tmp_path}/proc",))


@pytest.mark.parametrize("said", ["", "false", "0", "no", "OFF"])
def test_out_of_host_mode_this_proc_is_read(said: str) -> None:
    assert read_settings(Given(), {"HOST_MODE": said}, ()).proc is None


def test_a_host_mode_that_is_neither_is_named() -> None:
    with pytest.raises(BadSetting, match="'maybe' is neither true nor false"):
        read_settings(Given(), {"HOST_MODE": "maybe"})


@given(st.fixed_dictionaries({}, optional={name: st.text(max_size=20) for name in [*EVERYTHING, "MINIMQ_BROKER"]}))
def test_any_environment_is_taken_or_refused_with_a_sentence(environ: dict[str, str]) -> None:
    with contextlib.suppress(MqError):
        assert read_settings(Given(), environ, ()).metrics == tuple(METRICS)


def test_the_command_line_is_read() -> None:
    assert parse([]) == Given()
    assert parse(["cpu", "--node=n1", "--broker", "tcp://b:1", "mem", "--interval", "5"]) == Given(
        ("cpu", "mem"), "n1", "tcp://b:1", "5"
    )
    assert parse(["--node", "-x", "--", "--cpu"]) == Given(("--cpu",), "-x")
    assert parse(["cpu", "-h"]) is None
    assert parse(["--help"]) is None


@pytest.mark.parametrize("arguments", [["--nope"], ["-x"], ["--node"], ["--help=1"]])
def test_a_command_line_that_is_none_says_how_it_goes(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match=r"^usage: python -m collectors .*\ncollectors: option "):
        parse(arguments)


def test_help_names_every_variable_and_metric() -> None:
    for word in (*EVERYTHING, "MINIMQ_BROKER", *METRICS, "--node", "--broker", "--interval"):
        assert word in HELP
    for name, metric in METRICS.items():
        assert f"{name} (every {metric.interval_s:g} s)" in HELP
