"""The ledger: what a list of sent records and one of those that arrived come to."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.broker import ledger as module
from mq.broker.ledger import Account, Ledger, Row
from mq.frame import Checked, check, encode
from mq.journal.interface import Run
from mq.topic import Pattern

ALL = [Pattern.parse("#")]


def frame(topic: str, producer: int, sequence: int, count: int = 1) -> Checked:
    return check(encode(topic, [b"x"] * count, produced=1, producer=producer, sequence=sequence))


def run(topic: str, *frames: tuple[int, int] | tuple[int, int, int]) -> Run:
    return Run(topic.encode(), [frame(topic, *each) for each in frames])


def noted(*runs: Run) -> list[tuple[int, ...]]:
    """Return producer, received, missing, late and duplicate of each account."""
    ledger = Ledger()
    for each in runs:
        ledger.note(each)
    return [row[1:6] for row in ledger.page(ALL, None, 99)[0]]


@pytest.mark.parametrize(
    ("frames", "rows"),
    [
        ([(7, 0), (7, 1), (7, 2)], [(7, 3, 0, 0, 0)]),
        ([(7, 5), (7, 6)], [(7, 2, 0, 0, 0)]),
        ([(7, 0), (7, 4)], [(7, 2, 3, 0, 0)]),
        ([(7, 0, 3), (7, 3, 2)], [(7, 5, 0, 0, 0)]),
        ([(7, 0, 3), (7, 5, 2)], [(7, 5, 2, 0, 0)]),
        ([(7, 0), (7, 2), (7, 1)], [(7, 3, 0, 1, 0)]),
        ([(7, 0), (7, 5), (7, 2, 2)], [(7, 4, 2, 2, 0)]),
        ([(7, 0), (7, 1), (7, 1)], [(7, 2, 0, 0, 1)]),
        ([(7, 0), (8, 0), (7, 1), (8, 3)], [(7, 2, 0, 0, 0), (8, 2, 2, 0, 0)]),
        ([(0, 0), (0, 9)], []),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_arrives_is_counted(frames: list[tuple[int, int]], rows: list[tuple[int, ...]], at_once: bool) -> None:
    runs = [run("t", *frames)] if at_once else [run("t", each) for each in frames]
    assert noted(*runs) == rows


@given(st.integers(1, 60), st.randoms(use_true_random=False), st.data())
def test_as_long_as_all_holes_are_remembered_it_is_exact(count: int, random: Random, data: st.DataObject) -> None:
    """Frames of one to three records are lost, doubled and a little out of order."""
    sent, at = [], 0
    for _ in range(count):
        records = random.choice([1, 1, 2, 3])
        sent.append((at, records))
        at += records
    arrived = [each for each in sent if random.random() < 0.8] or sent[:1]
    arrived[0] = sent[0]
    arrived += [random.choice(arrived) for _ in range(data.draw(st.integers(0, 3)))]
    for _ in range(data.draw(st.integers(0, 5))):
        place = random.randrange(1, max(2, len(arrived)))
        if place + 1 < len(arrived):
            arrived[place], arrived[place + 1] = arrived[place + 1], arrived[place]
    account = Account(0)
    for sequence, records in arrived:
        account.note(sequence, records)
    times = Counter(arrived)
    assert account.duplicate == sum(records * (number - 1) for (_, records), number in times.items())
    assert account.received == sum(records for _, records in times)
    assert account.missing == max(sequence + records for sequence, records in times) - account.received


@given(
    st.lists(st.tuples(st.sampled_from([7, 8]), st.integers(0, 12), st.integers(1, 3)), min_size=1, max_size=30),
    st.data(),
)
def test_how_frames_fall_into_turns_changes_nothing(frames: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """Frames that follow on each other are noted as one, also where the first of them came before."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(frames)))) | {0, len(frames)})
    turns = [run("t", *frames[first:stop]) for first, stop in pairwise(cuts)]
    assert noted(*turns) == noted(*[run("t", each) for each in frames])


def test_what_comes_again_hides_nothing_that_follows_on_it_in_the_same_turn() -> None:
    assert noted(run("t", (7, 0), (7, 1)), run("t", (7, 1), (7, 2))) == [(7, 3, 0, 0, 1)]


def test_a_hole_that_is_filled_bit_by_bit_does_not_become_ever_more_holes() -> None:
    account = Account(0)
    account.note(1_000, 1)
    for number in range(0, 1_000, 2):
        account.note(number, 1)
    assert len(account.holes) == module.HOLES_MAX
    assert account.received == 1 + account.late


def test_holes_that_are_forgotten_stay_missing() -> None:
    account = Account(0)
    for number in range(0, 100, 2):
        account.note(number, 1)
    assert len(account.holes) == module.HOLES_MAX
    account.note(1, 1)
    assert (account.missing, account.duplicate) == (49, 1)


def test_accounts_come_in_pages_by_topic_and_pattern() -> None:
    ledger = Ledger()
    for topic in ("a", "a/b", "c"):
        ledger.note(run(topic, (1, 0), (2, 0)))
    rows: list[Row] = []
    after: str | None = None
    while True:
        page, after = ledger.page(ALL, after, 4)
        rows += page
        if after is None:
            break
    assert [(row.topic, row.producer) for row in rows] == [(t, p) for t in ("a", "a/b", "c") for p in (1, 2)]
    assert {row.topic for row in ledger.page([Pattern.parse("a/#")], None, 99)[0]} == {"a", "a/b"}


def test_of_too_many_accounts_the_one_longest_unused_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACCOUNTS_MAX", 2)
    ledger = Ledger()
    for topic in ("a", "b", "a", "c"):
        ledger.note(run(topic, (1, 0)))
    assert [row.topic for row in ledger.page(ALL, None, 9)[0]] == ["a", "c"]
