"""``minimq pub``: what goes in, what comes out, and what it says when nobody takes it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from cli_kit import MINIMQ, environment, minimq, nobody, running, serving, shell, stored
from conftest import StartBroker
from waiting import eventually

from mq.frame import FRAME_BYTES_MAX


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    with serving(tmp_path_factory.mktemp("pub")) as broker:
        yield broker


def bodies(broker: BrokerProcess, topic: str) -> list[bytes]:
    return [message.body for message in stored(broker, topic)]


def test_an_argument_is_a_record_and_the_offset_is_printed(served: BrokerProcess) -> None:
    for offset in range(2):
        ran = minimq("pub", "argument", "disk replaced", broker=served.control)
        assert (ran.code, ran.out, ran.err) == (0, f"{offset}\n", "")
    assert bodies(served, "argument") == [b"disk replaced"] * 2


@pytest.mark.parametrize("durability", ["durable", "written"])
def test_with_json_the_answer_is_an_object_that_names_the_level(served: BrokerProcess, durability: str) -> None:
    topic = f"json/{durability}"
    ran = minimq("pub", topic, "x", "--durability", durability, "--json", "--broker", served.control)
    (answer,) = ran.objects
    assert (ran.code, answer["topic"], answer["offset"]) == (0, topic, 0)
    assert answer["level"] in ({"durable"} if durability == "durable" else {"written", "durable"})


@pytest.mark.parametrize(
    ("given", "records"),
    [
        (b"one\ntwo\n", [b"one", b"two"]),
        (b"one\ntwo", [b"one", b"two"]),
        (b"\n", [b""]),
        (b"a\n\nb\n", [b"a", b"", b"b"]),
        (b"\xff\x00 \r\n", [b"\xff\x00 \r"]),
    ],
)
def test_each_line_of_standard_input_is_a_record(served: BrokerProcess, given: bytes, records: list[bytes]) -> None:
    topic = f"lines/{given.hex()}"
    ran = minimq("pub", topic, broker=served.control, given=given)
    assert (ran.code, ran.out, ran.err) == (0, f"{len(records) - 1}\n", "")
    assert bodies(served, topic) == records


def test_many_lines_are_stored_in_order(served: BrokerProcess) -> None:
    records = [b"%d" % number for number in range(20_000)]
    ran = minimq("pub", "many", broker=served.control, given=b"\n".join(records))
    assert (ran.code, ran.out) == (0, "19999\n")
    assert bodies(served, "many") == records


def test_no_line_at_all_is_no_record_and_no_offset(served: BrokerProcess) -> None:
    ran = minimq("pub", "nothing", broker=served.control)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert bodies(served, "nothing") == []


def test_an_argument_of_any_bytes_is_taken_as_it_is(served: BrokerProcess) -> None:
    command = [*(part.encode() for part in MINIMQ), b"pub", b"bytes", b"\xff\xfe"]
    subprocess.run(command, env=environment(served.control), check=True, capture_output=True, timeout=60)
    assert minimq("pub", "bytes", "", broker=served.control).code == 0
    assert bodies(served, "bytes") == [b"\xff\xfe", b""]


def test_a_closed_standard_input_is_an_empty_one(served: BrokerProcess) -> None:
    done = shell("minimq pub closed <&-", served.control)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("topic", ["", "a b", "../../etc/passwd", "a\n\x1b[31m"])
def test_a_bad_topic_is_refused_before_anything_is_read_or_asked(topic: str) -> None:
    with nobody() as endpoint:
        ran = minimq("pub", topic, "x", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert "is not a topic: use segments of letters" in ran.complaint


def test_the_brokers_own_topics_are_refused_by_the_broker(served: BrokerProcess) -> None:
    ran = minimq("pub", "_mq/x", "x", broker=served.control)
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint.startswith("minimq: the broker refused: reserved_topic")


def test_a_record_that_no_frame_holds_is_refused_and_the_limit_named(served: BrokerProcess) -> None:
    ran = minimq("pub", "large", broker=served.control, given=b"x" * (3 * FRAME_BYTES_MAX))
    assert (ran.code, ran.out) == (1, "")
    assert str(FRAME_BYTES_MAX) in ran.complaint


def test_without_a_broker_one_line_names_the_endpoint_and_what_to_do_within_the_timeout() -> None:
    with nobody() as endpoint:
        ran = minimq("pub", "a", "x", "--timeout", "0.5", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert endpoint in ran.complaint
    assert "minimq up" in ran.complaint
    assert "--broker" in ran.complaint
    assert ran.seconds < 10


def test_a_broker_that_hangs_is_given_up_within_the_timeout(broker: BrokerProcess) -> None:
    broker.signal(signal.SIGSTOP)
    ran = minimq("pub", "a", "x", "--timeout", "0.5", broker=broker.control)
    assert (ran.code, ran.out) == (1, "")
    assert broker.control in ran.complaint
    assert ran.seconds < 10


@pytest.mark.parametrize("endpoint", ["", "tcp://h", "tcp://h:65536"])
def test_an_endpoint_that_is_none_is_refused_with_an_example(endpoint: str) -> None:
    ran = minimq("pub", "a", "x", "--broker", endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert "use tcp://HOST:PORT" in ran.complaint


def test_an_interrupt_while_it_waits_for_input_ends_it_quietly(served: BrokerProcess, tmp_path: Path) -> None:
    with running(tmp_path, "pub", "interrupted", broker=served.control, stdin=subprocess.PIPE) as run:
        assert run.process.stdin is not None
        run.process.stdin.write(b"one\n")
        run.process.stdin.flush()
        eventually(lambda: bodies(served, "interrupted") == [b"one"])
        assert (run.end(signal.SIGINT), run.out, run.err) == (130, "", "")


def test_a_broker_that_dies_meanwhile_is_an_error_and_not_an_offset(broker: BrokerProcess, tmp_path: Path) -> None:
    with running(tmp_path, "pub", "a", "--timeout", "1", broker=broker.control, stdin=subprocess.PIPE) as run:
        assert run.process.stdin is not None
        run.process.stdin.write(b"one\n")
        run.process.stdin.flush()
        eventually(lambda: stored(broker, "a"))
        broker.kill()
        run.process.stdin.write(b"two\n")
        run.process.stdin.close()
        assert (run.ended(), run.out) == (1, "")
        assert "whether it happened is unknown" in run.err


def test_a_broker_that_takes_nothing_has_its_reason_told(start_broker: StartBroker) -> None:
    broker = start_broker(MINIMQ_DISK_FREE_BYTES_MIN=str(1 << 60))
    ran = minimq("pub", "notes", "x", "--timeout", "1", broker=broker.control)
    assert (ran.code, ran.out) == (1, "")
    assert "the disk has" in ran.complaint
    assert "disk_free_bytes_min" in ran.complaint
