"""``minimq replay``: which records, how they look, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgpack
import pytest
from broker_process import BrokerProcess
from cli_kit import environment, minimq, nobody, serving, shell, store, stored
from waiting import eventually

import mq

SECOND_NS = 1_000_000_000
TEN = "numbers"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with serving(tmp_path_factory.mktemp("replay")) as broker:
        store(broker, TEN, *(b"%d" % number for number in range(10)))
        yield broker


@pytest.fixture(scope="module")
def early_and_late(served: BrokerProcess) -> list[mq.Message]:
    """Two records, of different seconds."""
    store(served, "times", b"early")
    next_second = time.time() // 1 + 1
    eventually(lambda: time.time() > next_second)
    store(served, "times", b"late")
    return stored(served, "times")


def replayed(broker: BrokerProcess, *arguments: str) -> list[str]:
    ran = minimq("replay", *arguments, "--json", broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    return [record["body"] for record in ran.objects]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "0123456789"),
        (["--from", "7"], "789"),
        (["--from", "10"], ""),
        (["--from", "2", "--to", "5"], "234"),
        (["--from", "5", "--to", "5"], ""),
        (["--from", "5", "--to", "2"], ""),
        (["--count", "3"], "012"),
        (["-n", "0"], ""),
        (["--from", "8", "--count", "100"], "89"),
        (["--from", "-15m"], "0123456789"),
        (["--to", "-15m"], ""),
        (["--from", "-0.5h", "--to", "1"], "0"),
    ],
)
def test_the_points_and_the_count_choose_the_records(served: BrokerProcess, options: list[str], expected: str) -> None:
    assert "".join(replayed(served, TEN, *options)) == expected


def test_a_time_of_day_and_an_iso_time_choose_by_the_time_of_appending(
    served: BrokerProcess, early_and_late: list[mq.Message]
) -> None:
    early, late = (datetime.fromtimestamp(each.time // SECOND_NS, UTC).astimezone() for each in early_and_late)
    assert replayed(served, "times", "--from", f"{late:%H:%M:%S}") == ["late"]
    assert replayed(served, "times", "--from", late.isoformat()) == ["late"]
    assert replayed(served, "times", "--to", late.astimezone(UTC).isoformat()) == ["early"]
    assert replayed(served, "times", "--to", f"{early:%H:%M}") == []


def test_a_record_as_json_has_its_five_fields(served: BrokerProcess) -> None:
    ran = minimq("replay", TEN, "--from", "4", "--count", "1", "--json", broker=served.control)
    (expected,) = (each for each in stored(served, TEN) if each.offset == 4)
    assert list(ran.objects[0].items()) == [
        ("topic", TEN),
        ("offset", 4),
        ("time", expected.time),
        ("produced", expected.produced),
        ("body", "4"),
    ]


def test_a_record_for_people_has_its_local_time_topic_offset_and_body(served: BrokerProcess) -> None:
    ran = minimq("replay", TEN, "--from", "4", "--count", "1", broker=served.control, environ={"TZ": "Asia/Kolkata"})
    (expected,) = (each for each in stored(served, TEN) if each.offset == 4)
    moment = datetime.fromtimestamp(expected.time / SECOND_NS, UTC).timestamp() + 5.5 * 3600
    clock = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")
    assert ran.out == f"{clock}  {TEN}  4  4\n"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (msgpack.packb({"value": 3, "unit": "%"}), {"value": 3, "unit": "%"}),
        (msgpack.packb([1, [2, {"a": None}]]), [1, [2, {"a": None}]]),
        (msgpack.packb({"raw": b"\xff\x00"}), {"raw": {"base64": "/wA="}}),
        (msgpack.packb([float("nan"), float("inf"), 1.5]), [None, None, 1.5]),
        (msgpack.packb(7), "\x07"),
        (msgpack.packb({"a": 1}) + b"\x00", {"base64": "gaFhAQA="}),
        ("größe ✓".encode(), "größe ✓"),
        (b"", ""),
        (b"\xff\xfe", {"base64": "//4="}),
        (b"one\ntwo\t\x1b[31m\x9b".replace(b"\x9b", "\x9b".encode()), "one\ntwo\t\x1b[31m\x9b"),
    ],
)
def test_a_body_is_shown_as_what_it_is(served: BrokerProcess, body: bytes, shown: object) -> None:
    topic = f"bodies/{body.hex() or 'empty'}"
    store(served, topic, body)
    (record,) = minimq("replay", topic, "--json", broker=served.control).objects
    assert record["body"] == shown


def test_a_record_does_not_drive_the_terminal(served: BrokerProcess) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\r\x7f\u202e\u2028"
    store(served, "evil", evil.encode(), msgpack.packb({evil: [evil, evil.encode()]}))
    for options in ([], ["--json"]):
        ran = minimq("replay", "evil", *options, broker=served.control)
        assert len(ran.lines) == 2
        assert all(line.isprintable() for line in ran.lines), ran.out
    assert json.loads(ran.lines[0])["body"] == evil


@pytest.mark.parametrize("encoding", ["latin-1", "ascii:strict", "utf-8"])
def test_a_terminal_that_lacks_a_character_gets_it_escaped(served: BrokerProcess, encoding: str) -> None:
    store(served, f"encoded/{encoding[:5]}", "é😀".encode())
    command = [sys.executable, "-m", "mq.cli", "replay", f"encoded/{encoding[:5]}", "--json"]
    environ = environment(served.control, PYTHONIOENCODING=encoding)
    done = subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)
    read_as = "latin-1" if encoding == "latin-1" else "utf-8"
    assert json.loads(done.stdout.decode(read_as))["body"] == "é😀"


@pytest.mark.parametrize("point", ["0", "-15m", "03:12"])
def test_a_topic_that_nobody_has_written_to_is_empty(served: BrokerProcess, point: str) -> None:
    ran = minimq("replay", "never/heard/of", "--from", point, "--json", broker=served.control)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_an_offset_past_the_end_is_an_error_that_says_where_the_end_is(served: BrokerProcess) -> None:
    ran = minimq("replay", TEN, "--from", "11", broker=served.control)
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint == f"minimq: {TEN} has no offset 11: the next one will be 10"


@pytest.mark.parametrize(
    ("option", "point"),
    [("--from", "x"), ("--from", ""), ("--from", "9" * 30), ("--from", "--json"), ("--to", "25:00")],
)
def test_a_point_that_is_none_is_named_with_its_option(option: str, point: str) -> None:
    ran = minimq("replay", "a", option, point)
    assert (ran.code, ran.out) == (2, "")
    assert f"Invalid value for '{option}': {point!r} is not an offset, a time" in ran.err


def test_a_reader_that_has_had_enough_ends_it_quietly(served: BrokerProcess) -> None:
    store(served, "long", *([b"x" * 1000] * 3000))
    done = shell("minimq replay long | head -1", served.control)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_a_closed_standard_output_is_no_error(served: BrokerProcess) -> None:
    done = shell(f"minimq replay {TEN} >&-", served.control)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_standard_output_that_takes_nothing_is_one_line_and_no_traceback(served: BrokerProcess) -> None:
    done = shell(f"minimq replay {TEN} >/dev/full", served.control)
    assert (done.returncode, done.stderr) == (1, "minimq: [Errno 28] No space left on device\n")


def test_without_a_broker_one_line_names_the_endpoint(served: BrokerProcess) -> None:
    with nobody() as endpoint:
        ran = minimq("replay", TEN, "--timeout", "0.5", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert endpoint in ran.complaint
    assert ran.seconds < 10


def test_damage_is_shown_as_a_gap_among_the_records(broker: BrokerProcess) -> None:
    store(broker, "hurt", b"before", b"DAMAGED", b"after")
    broker.stop()
    (log,) = (broker.data / "topics" / "hurt").glob("@*.log")
    log.write_bytes(log.read_bytes().replace(b"DAMAGED", b"DAMAGEd"))
    broker.restart()
    as_json = minimq("replay", "hurt", "--json", broker=broker.control)
    assert (as_json.code, as_json.err) == (0, "")
    before, gap, after = as_json.objects
    assert (before["body"], gap, after["offset"]) == ("before", {"topic": "hurt", "gap": [1, 1]}, 2)
    for_people = minimq("replay", "hurt", broker=broker.control)
    assert [line.split("  ")[-1] for line in for_people.lines] == ["before", "after"]
    assert for_people.complaint == "minimq: hurt: offsets 1 to 1 are damaged in the journal; reading goes on at 2"
