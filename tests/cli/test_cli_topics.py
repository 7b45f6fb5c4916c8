"""``minimq topics``."""

from __future__ import annotations

import pytest
from broker_process import BrokerProcess
from cli_kit import minimq, nobody, store

import mq


def test_topics_are_a_table_with_what_is_in_them(broker: BrokerProcess) -> None:
    store(broker, "host/n1/cpu", *([b"x"] * 1_234))
    store(broker, "notes", b"y")
    ran = minimq("topics", broker=broker.control)
    assert (ran.code, ran.err) == (0, "")
    head, *rows = (line.split() for line in ran.lines)
    assert head == ["TOPIC", "RECORDS", "NEXT", "OFFSET", "BYTES", "LAST"]
    assert [row[:3] for row in rows] == [["host/n1/cpu", "1,234", "1,234"], ["notes", "1", "1"]]
    assert len({line.index("  ", len("host/n1/cpu")) for line in ran.lines}) == 1
    _chosen_and_as_json(broker)


def _chosen_and_as_json(broker: BrokerProcess) -> None:
    ran = minimq("topics", "host/+/#", "--json", broker=broker.control)
    (topic,) = ran.objects
    with mq.replay(broker.control, "host/n1/cpu", 1_233) as records:
        last = next(records)
    size = sum(path.stat().st_size for path in (broker.data / "topics/host/n1/cpu").glob("@*.log"))
    assert topic == {
        "topic": "host/n1/cpu",
        "first": 0,
        "next": 1_234,
        "bytes": size,
        "segments": 1,
        "appended": last.time,
    }
    nothing = minimq("topics", "other/#", broker=broker.control)
    assert (nothing.code, nothing.out, nothing.complaint) == (0, "", "no topic matches other/#")


def test_deleting_says_what_and_needs_a_yes(broker: BrokerProcess) -> None:
    for topic in ("host/old/cpu", "host/old/mem", "host/new/cpu"):
        store(broker, topic, b"x", b"y")
    unasked = minimq("topics", "delete", "host/old/#", broker=broker.control)
    assert unasked.code == 1
    assert [line.split()[0] for line in unasked.lines[1:]] == ["host/old/cpu", "host/old/mem"]
    assert "nothing is deleted" in unasked.complaint
    assert "--yes" in unasked.complaint
    deleted = minimq("topics", "delete", "host/old/#", "host/+/mem", "--yes", broker=broker.control)
    assert (deleted.code, deleted.err, deleted.lines[-1]) == (0, "", "2 topics deleted")
    (left,) = minimq("topics", "--json", broker=broker.control).objects
    assert left["topic"] == "host/new/cpu"
    broker.kill()
    broker.restart()
    store(broker, "host/old/cpu", b"z")
    (record,) = minimq("replay", "host/old/cpu", "--from", "2", "--json", broker=broker.control).objects
    assert (record["offset"], record["body"]) == (2, "z")


@pytest.mark.parametrize(
    ("patterns", "why"),
    [
        (["nobody"], "no topic matches nobody"),
        (["a", "b/#"], "no topic matches a or b/#"),
        (["a/#/b"], "is not a pattern"),
    ],
)
def test_where_there_is_nothing_to_delete_it_says_so(broker: BrokerProcess, patterns: list[str], why: str) -> None:
    ran = minimq("topics", "delete", *patterns, "--yes", broker=broker.control)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.complaint


def test_before_the_first_record_there_are_none_and_it_says_so(broker: BrokerProcess) -> None:
    for_people = minimq("topics", broker=broker.control)
    assert (for_people.code, for_people.out, for_people.complaint) == (0, "", "no topics yet")
    as_json = minimq("topics", "--json", broker=broker.control)
    assert (as_json.code, as_json.out, as_json.err) == (0, "", "")
    bad = minimq("topics", "a/#/b", broker=broker.control)
    assert (bad.code, bad.out) == (1, "")
    assert "'a/#/b' is not a pattern" in bad.complaint


def test_without_a_broker_one_line_names_the_endpoint() -> None:
    with nobody() as endpoint:
        ran = minimq("topics", "--timeout", "0.5", broker=endpoint)
    assert (ran.code, ran.out) == (1, "")
    assert endpoint in ran.complaint
