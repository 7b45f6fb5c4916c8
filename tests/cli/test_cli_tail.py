"""``minimq tail``: live, with the past first, across a broker's absence, and out again."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
from broker_process import BrokerProcess
from cli_kit import MINIMQ, Running, environment, minimq, nobody, running, serving, shell, store
from pty_kit import terminal
from waiting import eventually


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with serving(tmp_path_factory.mktemp("tail")) as broker:
        yield broker


def heard(run: Running) -> list[str]:
    return [json.loads(line)["body"] for line in run.out.splitlines()]


def without_color(environ: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name != "NO_COLOR"}


def publish_until_heard(broker: BrokerProcess, topic: str, run: Running) -> None:
    """Publish until the first one comes out: from then on it listens."""

    def one_more() -> bool:
        store(broker, topic, b"knock")
        return bool(run.out)

    eventually(one_more)


def test_what_comes_is_printed_at_once_and_an_interrupt_ends_it(served: BrokerProcess, tmp_path: Path) -> None:
    with running(tmp_path, "tail", "live/+/cpu", "--json", broker=served.control) as run:
        publish_until_heard(served, "live/n1/cpu", run)
        store(served, "live/n1/mem", b"other")
        store(served, "live/n2/cpu", b"last")
        eventually(lambda: heard(run)[-1:] == ["last"])
        assert "other" not in heard(run)
        assert (run.end(signal.SIGINT), run.err) == (130, "")


def test_the_past_comes_first_and_the_count_ends_it(served: BrokerProcess) -> None:
    store(served, "past", *(b"%d" % number for number in range(10)))
    for options, expected in (
        (["--from", "0", "--count", "10"], "0123456789"),
        (["--from", "8", "-n", "2"], "89"),
        (["--from", "-15m", "-n", "3"], "012"),
        (["-n", "0"], ""),
    ):
        ran = minimq("tail", "past", *options, "--json", broker=served.control)
        assert (ran.code, "".join(record["body"] for record in ran.objects), ran.err) == (0, expected, "")


def test_history_and_live_join_without_a_hole(served: BrokerProcess, tmp_path: Path) -> None:
    store(served, "joined", b"0", b"1")
    with running(tmp_path, "tail", "joined", "--from", "0", "--count", "50", "--json", broker=served.control) as run:
        for number in range(2, 50):
            store(served, "joined", b"%d" % number)
        assert run.ended() == 0
        assert heard(run) == [str(number) for number in range(50)]


def test_lines_are_for_people_without_json(served: BrokerProcess) -> None:
    store(served, "people", "é\x1b[31m".encode())
    ran = minimq("tail", "people", "--from", "0", "-n", "1", broker=served.control)
    assert ran.out.endswith("  people  0  é\\x1b[31m\n")


def test_a_broker_that_comes_later_is_waited_for(broker: BrokerProcess, tmp_path: Path) -> None:
    store(broker, "a", b"one")
    broker.kill()
    with running(tmp_path / "tail", "tail", "#", "--from", "0", "--json", broker=broker.control) as run:
        eventually(lambda: run.err)
        assert broker.control in run.err
        assert "waiting for it" in run.err
        broker.restart()
        eventually(lambda: heard(run) == ["one"])
        store(broker, "a", b"two")
        eventually(lambda: heard(run) == ["one", "two"])
        broker.restart()
        store(broker, "a", b"three")
        eventually(lambda: heard(run) == ["one", "two", "three"])
        assert run.end(signal.SIGINT) == 130
        assert len(run.err.splitlines()) <= 2


def test_an_interrupt_ends_it_while_there_is_no_broker(tmp_path: Path) -> None:
    with nobody() as endpoint, running(tmp_path, "tail", "#", broker=endpoint) as run:
        eventually(lambda: run.err)
        assert (run.end(signal.SIGINT), run.out) == (130, "")


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["a//b"], 1, "is not a pattern"),
        (["#", "--from", "soon"], 2, "Invalid value for '--from'"),
        (["#", "--broker", "h:1"], 1, "use tcp://HOST:PORT"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], code: int, why: str) -> None:
    ran = minimq("tail", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err


def test_a_reader_that_has_had_enough_ends_it_quietly(served: BrokerProcess) -> None:
    store(served, "long", *([b"x" * 1000] * 500))
    done = shell("minimq tail long --from 0 | head -1", served.control)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_several_patterns_are_heard_at_once(served: BrokerProcess) -> None:
    store(served, "several/a", b"1")
    store(served, "several/b", b"2")
    store(served, "several/c/d", b"3")
    ran = minimq("tail", "several/a", "several/+/d", "--from", "0", "-n", "2", "--json", broker=served.control)
    assert sorted(record["body"] for record in ran.objects) == ["1", "3"]


def test_without_following_it_ends_with_what_there_is(served: BrokerProcess) -> None:
    for topic in ("ends/a", "ends/b"):
        store(served, topic, b"1", b"2")
    for options, expected in ((["0"], "1212"), (["1"], "22"), (["-15m"], "1212"), (["now"], "")):
        ran = minimq("tail", "ends/#", "--no-follow", "--from", *options, "--json", broker=served.control)
        assert (ran.code, ran.err, "".join(record["body"] for record in ran.objects)) == (0, "", expected)
    ran = minimq("tail", "ends/#", "--no-follow", broker=served.control)
    assert (ran.code, ran.out) == (2, "")
    assert "say from where" in ran.err


def test_a_template_makes_the_lines(served: BrokerProcess) -> None:
    store(served, "templated", msgpack.packb({"value": 41.25}), b"text")
    arguments = ["tail", "templated", "--from", "0", "-n", "2", "--template", "{topic} {value:.1f} {offset}"]
    assert minimq(*arguments, broker=served.control).lines == ["templated 41.2 0", "templated - 1"]
    refused = minimq("tail", "#", "--template", "{", broker=served.control)
    assert (refused.code, refused.out) == (2, "")
    assert "--template" in refused.err


def test_colours_are_for_terminals_or_whoever_asks(served: BrokerProcess) -> None:
    store(served, "colours", b"two  words")
    arguments = ["tail", "colours", "--from", "0", "-n", "1"]
    plain = minimq(*arguments, broker=served.control).out
    colored = minimq(*arguments, "--color", "always", broker=served.control).out
    assert "\x1b[" in colored
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain


@pytest.mark.parametrize(
    ("environ", "options", "colored"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], True),
        ({"TERM": "dumb"}, [], False),
        ({}, ["--color", "never"], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({}, ["--json"], False),
    ],
)
def test_a_terminal_gets_colours_unless_somebody_objects(
    served: BrokerProcess, tmp_path: Path, environ: dict[str, str], options: list[str], colored: bool
) -> None:
    topic = "on/a/terminal"
    store(served, topic, b"41.5")
    arguments = [*MINIMQ, "tail", topic, "--from", "0", "-n", "1", *options]
    shown = {"TERM": "xterm", **environ}
    with terminal(arguments, without_color(environment(served.control)) | shown, tmp_path) as screen:
        assert screen.ended() == 0
    assert "41.5" in screen.shown
    assert ("\x1b[" in screen.shown) == colored


def test_a_topic_keeps_its_colour(served: BrokerProcess) -> None:
    for topic in ("kept/a", "kept/b"):
        store(served, topic, b"1", b"2")
    ran = minimq("tail", "kept/+", "--from", "0", "-n", "4", "--color", "always", broker=served.control)
    colors = set(re.findall(r"\x1b\[(\d+)m(kept/.)\x1b\[0m", ran.out))
    assert {topic for _, topic in colors} == {"kept/a", "kept/b"}
    assert len(colors) == 2


@pytest.mark.parametrize("options", [["--follow"], ["--no-follow"]])
def test_a_reader_that_goes_away_while_records_come_ends_it(served: BrokerProcess, options: list[str]) -> None:
    store(served, "flood", *([b"x" * 1_000] * 300))
    program = f"minimq tail flood --from 0 {' '.join(options)}"
    done = shell(f"{{ {program}; echo code $? >&2; }} | head -c 10", served.control)
    assert (len(done.stdout), done.stderr) == (10, "code 1\n")


def test_it_ends_when_nobody_reads_it_any_more_though_nothing_comes(served: BrokerProcess, tmp_path: Path) -> None:
    store(served, "quiet", b"the only one")
    done = shell("minimq tail quiet --from 0 | head -1", served.control)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
