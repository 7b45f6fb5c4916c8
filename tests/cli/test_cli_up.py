"""``minimq up``: everything starts, or nothing does; and whatever ends it ends all of it."""

from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

import msgpack
import pytest
from broker_process import BrokerProcess
from cli_kit import free_ports, minimq, taken_port
from up_kit import END_S_MAX, NAMES, START_S_MAX, up
from waiting import eventually


def page_at(url: str) -> bytes | None:
    """Return the page, None while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=20) as page:  # noqa: S310 - an address that we made
            whole: bytes = page.read()
            return whole
    except OSError:
        return None


def test_everything_is_there_when_it_says_so_and_an_interrupt_ends_it(tmp_path: Path) -> None:
    with up(tmp_path) as run:
        run.wait_for_page()
        children = run.children(4)
        assert b"MiniMQ" in (page_at(run.url) or b"")
        assert page_at(f"http://127.0.0.1:{run.ports['gateway']}/readyz") == b'{"status":"ready"}\n'
        first = eventually(run.newest)
        assert first is not None
        assert msgpack.unpackb(first.body)["node"] == "n1"
        eventually(lambda: (run.newest() or first).offset != first.offset)
        assert len(children) == 4
        run.process.send_signal(signal.SIGINT)
        assert run.end(signal.SIGINT, END_S_MAX) == 0
        assert run.all_gone()
        assert (tmp_path / "data" / "topics").is_dir()
        assert run.events[-1] == "ending"


def test_sigterm_ends_it_even_where_nobody_reads_what_it_prints(tmp_path: Path) -> None:
    with up(tmp_path, ignored="HUP", redirection=">&-") as run:
        run.children(4)
        run.process.send_signal(signal.SIGHUP)  # as under nohup: that its terminal goes is nothing to it
        eventually(run.newest)
        eventually(lambda: page_at(run.url), START_S_MAX)
        assert run.end(signal.SIGTERM, END_S_MAX) == 0
        assert run.all_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_it_starts_ends_what_is_there(tmp_path: Path, number: signal.Signals) -> None:
    # SIGINT is ignored in what a shell starts in its background, and ends it all the same.
    with up(tmp_path, ignored="INT") as run:
        run.children(1 if number == signal.SIGTERM else 2)
        assert run.end(number, END_S_MAX) == 0
        assert run.all_gone()
        assert run.url not in run.out


def test_when_it_is_killed_its_children_end_by_themselves(tmp_path: Path) -> None:
    with up(tmp_path) as run:
        run.wait_for_page()
        run.children(4)
        run.process.kill()
        run.process.wait()
        eventually(run.all_gone, END_S_MAX)


@pytest.mark.parametrize("kind", ["broker", "gateway", "collectors", "panel"])
def test_a_child_that_dies_before_all_is_up_ends_the_rest_and_is_named(tmp_path: Path, kind: str) -> None:
    with up(tmp_path) as run:
        run.children(4)[kind].kill()
        assert run.ended(END_S_MAX) == 1
        assert run.all_gone()
        said = {"broker": "broker", "gateway": "gateway", "collectors": "collector", "panel": "viewer"}[kind]
        assert run.events == [f"the {said} was ended by SIGKILL: everything else is ended too"]
        assert run.out == ""


def test_data_that_cannot_be_written_is_said_by_the_broker_and_ends_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with up(tmp_path, "--data", "file/data") as run:
        assert run.ended(START_S_MAX) == 1
        first, _ = run.err.splitlines()
        assert first.startswith(f"minimq: {tmp_path}/file/data cannot be used")
        assert run.events == ["the broker ended with exit code 1: everything else is ended too"]


def test_data_of_another_broker_is_said_by_the_broker_and_ends_it(tmp_path: Path, broker: BrokerProcess) -> None:
    with up(tmp_path, f"--data={broker.data}") as run:
        assert run.ended(START_S_MAX) == 1
        first, _ = run.err.splitlines()
        assert first.startswith(f"minimq: {broker.data} is in use by another broker")
        assert run.events == ["the broker ended with exit code 1: everything else is ended too"]


def test_a_setting_that_the_broker_cannot_read_is_said_by_it_and_ends_it(tmp_path: Path) -> None:
    with up(tmp_path, MINIMQ_TOPICS_MAX="many") as run:
        assert run.ended(START_S_MAX) == 1
        first, _ = run.err.splitlines()
        assert first == "minimq: topics_max in the environment (MINIMQ_TOPICS_MAX): 'many' is not a whole number"
        assert run.events == ["the broker ended with exit code 1: everything else is ended too"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [("METRIC_TYPE", "tea", "no 'tea' here"), ("NODE_NAME", "a/b", "holds a '/'"), ("HOST_MODE", "maybe", "neither")],
)
def test_a_setting_that_collectors_cannot_read_is_one_line_before_anything_is_started(
    tmp_path: Path, name: str, value: str, why: str
) -> None:
    with up(tmp_path, **{name: value}) as run:
        assert run.ended(START_S_MAX) == 1
        (complaint,) = run.err.splitlines()
        assert complaint.startswith("minimq: ")
        assert why in complaint
        assert not (tmp_path / "data").exists()


def test_a_page_that_answers_with_an_error_ends_it(tmp_path: Path) -> None:
    templates = tmp_path / "viewer" / "templates"
    templates.mkdir(parents=True)
    (templates / "index.html").write_text("{{ embed(roots.nothing) }}")
    for name in ("__init__.py", "main.py"):
        (tmp_path / "viewer" / name).touch()
    with up(tmp_path, PYTHONPATH=str(tmp_path)) as run:
        assert run.process.wait(START_S_MAX) == 1
        assert f"minimq: the page at {run.url} answers with error 500, what stands above says why\n" in run.err


@pytest.mark.parametrize("name", NAMES)
def test_a_taken_port_is_one_line_with_the_port_and_the_option(name: str) -> None:
    with taken_port() as port:
        ports = {**dict(zip(NAMES, free_ports(len(NAMES)), strict=True)), name: port}
        ran = minimq("up", *(f"--{each}={number}" for each, number in ports.items()))
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint.startswith(f"minimq: 127.0.0.1:{port} is taken by another program")
    assert f"--{name}" in ran.complaint


def test_a_port_given_twice_is_a_usage_error() -> None:
    ran = minimq("up", "--port=7000", "--ops=7000")
    assert (ran.code, ran.out) == (2, "")
    assert "port 7000 is given twice, to --ops and to --port" in ran.err
