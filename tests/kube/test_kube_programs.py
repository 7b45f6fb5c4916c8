"""The programs of the project take what the manifests give them: commands, options, variables, files, mounts."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.main
from hypothesis import given, settings
from kube_kit import ANY_SETTINGS, EXAMPLES, Object, Objects, built, pods, rendered, values_of

from collectors.host import HOST_ROOT
from collectors.readers import METRICS
from collectors.settings import HOST_PROC, Given, Settings, read_settings
from mq.cli.app import app
from mq.client.endpoint import parse_endpoint
from mq.config import Config, load

PLACES = ["base", *(f"overlays/{example}" for example in EXAMPLES)]
ENDPOINT = "tcp://broker.minimq.svc:5557"
NODE = "node-1.example"
EXAMPLES_MAX = 25
TOML = """[broker]
sync_interval_s = 0.5

[[retention]]
pattern = "host/+/cpu"
topic_age_s = 172800
"""


def container_of(objects: Objects, name: str) -> Object:
    """Return the container of the pods called so."""
    (container,) = next(pod for key, pod in pods(objects) if key[2] == name)["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def environ_of(container: Object) -> dict[str, str]:
    """Return the variables of a container on a node."""
    told = {it["name"]: it.get("value") or it["valueFrom"]["fieldRef"]["fieldPath"] for it in container.get("env", [])}
    return {name: NODE if text == "spec.nodeName" else text for name, text in told.items()}


@pytest.mark.parametrize("name", ["broker", "gateway", "viewer"])
@pytest.mark.parametrize("place", PLACES)
def test_minimq_knows_the_command_and_its_options(place: str, name: str) -> None:
    command, *arguments = container_of(built(place), name)["args"]
    with typer.main.get_command(app).make_context("minimq", [command, *arguments]) as context:
        known = context.command.get_command(context, command)  # type: ignore[attr-defined]
        given_options = known.make_context(command, arguments, parent=context).params
    ports = {port["name"]: port["containerPort"] for port in container_of(built(place), name)["ports"]}
    if name in ("gateway", "viewer"):
        assert (given_options["address"], given_options["port"]) == ("0.0.0.0", ports["http"])
    else:
        assert {it: given_options[it] for it in ports} == {it: f"tcp://*:{port}" for it, port in ports.items()}
        assert str(given_options["data"]) == "/app/data"


@pytest.mark.parametrize("place", PLACES)
def test_all_dial_the_broker_s_service(place: str) -> None:
    objects = built(place)
    service = objects["Service", "minimq", "broker"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    assert parse_endpoint(ENDPOINT) == ("broker.minimq.svc", ports["control"])
    assert environ_of(container_of(objects, "viewer"))["MINIMQ_BROKER"] == ENDPOINT
    assert f"--broker={ENDPOINT}" in container_of(objects, "gateway")["args"]
    for key, _ in pods(objects):
        if key[0] == "DaemonSet":
            assert environ_of(container_of(objects, key[2]))["BROKER_URL"] == ENDPOINT


def collecting(container: Object) -> Settings:
    """Return what the collector in a container settles on, where its mounts are."""
    assert container["command"] == ["python", "-m", "collectors"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts["proc"] in HOST_PROC
    return read_settings(Given(), environ_of(container), ["/proc"])


@pytest.mark.parametrize("metric", METRICS)
def test_a_collector_of_each_metric_reports_its_node(metric: str) -> None:
    container = container_of(built("base"), f"producer-host-{metric}")
    assert collecting(container) == Settings((metric,), NODE, ENDPOINT, None, "/proc")


def test_one_collector_reports_all_where_there_is_one() -> None:
    container = container_of(built("overlays/laptop"), "producer-host")
    assert set(collecting(container).metrics) == set(METRICS)


@pytest.mark.parametrize("place", PLACES)
def test_the_host_is_mounted_read_only_and_its_root_for_disk_alone(place: str) -> None:
    for key, pod in pods(built(place)):
        spec = pod["spec"]
        paths = {each["name"]: each["hostPath"]["path"] for each in spec["volumes"] if "hostPath" in each}
        if key[0] != "DaemonSet":
            assert not paths
            continue
        mounts = {each["name"]: each for each in spec["containers"][0]["volumeMounts"]}
        told = environ_of(spec["containers"][0])["METRIC_TYPE"].split()
        assert paths == ({"proc": "/proc", "root": "/"} if "disk" in told else {"proc": "/proc"})
        assert all(mounts[name]["readOnly"] for name in paths)
        assert "root" not in mounts or mounts["root"]["mountPath"] in HOST_ROOT
        assert spec["tolerations"] == [{"operator": "Exists"}]


def test_the_examples_set_what_they_say(tmp_path: Path) -> None:
    for example in EXAMPLES:
        environ = environ_of(container_of(built(f"overlays/{example}"), "broker"))
        wanted = values_of(example)["broker"]["settings"]
        assert load(environ, tmp_path) == Config(**wanted)


@settings(max_examples=EXAMPLES_MAX, deadline=None)
@given(ANY_SETTINGS)
def test_settings_reach_the_broker_as_they_were_written(wanted: dict[str, float]) -> None:
    environ = environ_of(container_of(rendered({"broker": {"settings": wanted}}), "broker"))
    assert load(environ, Path("/nowhere")) == Config(**wanted)  # type: ignore[arg-type]


def test_a_configuration_reaches_the_broker_as_it_was_written(tmp_path: Path) -> None:
    objects = rendered({"broker": {"config": TOML, "settings": {"sync_interval_s": 0.25}}})
    container = container_of(objects, "broker")
    (mounted,) = [each for each in container["volumeMounts"] if each["name"] == "config"]
    ((name, text),) = objects["ConfigMap", "minimq", "broker"]["data"].items()
    environ = environ_of(container)
    assert environ["MINIMQ_CONFIG"] == f"{mounted['mountPath']}/{name}"
    (tmp_path / name).write_text(text, "utf-8")
    limits = load({**environ, "MINIMQ_CONFIG": str(tmp_path / name)}, tmp_path)
    assert limits.sync_interval_s == 0.25  # the environment wins
    (retention,) = limits.retention
    assert dict(retention.chosen) == {"topic_age_s": 172800}
