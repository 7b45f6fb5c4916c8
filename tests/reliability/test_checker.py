"""The checker itself: each thing that a journal may do wrong is seen, and named by its right name."""

from __future__ import annotations

from typing import Literal

import pytest
from checker import Kept, Kind, Outcome, Told, assert_dense, body, sort

TOPIC = "a"
BODIES = [body("source", number) for number in range(4)]


def all_told(outcome: Outcome = "written") -> list[Told]:
    """Return what is told when all goes well."""
    return [Told(TOPIC, each, outcome, offset) for offset, each in enumerate(BODIES)]


def kept(*bodies: bytes) -> dict[str, list[Kept]]:
    """Return a topic that holds these."""
    return {TOPIC: [Kept(offset, each) for offset, each in enumerate(bodies)]}


def test_what_was_acknowledged_and_is_there_counts_by_its_level() -> None:
    told = [*all_told()[:3], Told(TOPIC, BODIES[3], "durable", 3)]
    verdict = sort(told, kept(*BODIES))
    assert verdict.counts == {"written": 3, "durable": 1}
    assert not verdict.wrong


def test_what_had_no_answer_may_be_there_or_not() -> None:
    assert sort(all_told("unknown"), kept(*BODIES[:2])).counts == {"unknown": 4}


@pytest.mark.parametrize("outcome", ["refused", "dropped"])
def test_what_was_refused_or_never_sent_is_not_there(outcome: Literal["refused", "dropped"]) -> None:
    assert sort(all_told(outcome), {}).counts == {outcome: 4}
    assert sort(all_told(outcome), kept(BODIES[0])).counts == {outcome: 3, "phantom": 1}


WRONG: list[tuple[list[bytes], dict[Kind, int]]] = [
    (BODIES[:3], {"lost": 1}),
    ([], {"lost": 4}),
    ([*BODIES, BODIES[0]], {"duplicate": 1}),
    ([*BODIES, b"never sent"], {"phantom": 1}),
    ([*BODIES, body("source", 9)], {"phantom": 1}),
    ([BODIES[0], BODIES[1], BODIES[3], BODIES[2]], {"lost": 2}),
]


@pytest.mark.parametrize(("bodies", "found"), WRONG)
def test_each_wrong_is_seen(bodies: list[bytes], found: dict[Kind, int]) -> None:
    verdict = sort(all_told(), kept(*bodies))
    assert {kind: number for kind, number in verdict.counts.items() if kind != "written"} == found
    assert set(verdict.wrong) == set(found)


def test_another_order_than_the_producers_is_seen_though_each_offset_is_right() -> None:
    told = [Told(TOPIC, BODIES[1], "written", 0), Told(TOPIC, BODIES[0], "unknown")]
    assert sort(told, kept(BODIES[1], BODIES[0])).counts == {"written": 1, "reordered": 1}


def test_the_same_number_of_two_sources_or_topics_is_not_the_same_record() -> None:
    told = [Told(topic, body(source, 0), "unknown") for topic in "ab" for source in "cd"]
    records = {topic: [Kept(0, body("c", 0)), Kept(1, body("d", 0))] for topic in "ab"}
    assert sort(told, records).counts == {"unknown": 4}


def test_a_hole_is_seen() -> None:
    assert_dense([Kept(0, b""), Kept(1, b"")])
    for offsets in ([1], [0, 2], [0, 0], [1, 0]):
        with pytest.raises(AssertionError):
            assert_dense([Kept(offset, b"") for offset in offsets])
