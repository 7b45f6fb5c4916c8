"""What holds readers against the journal can fail: each thing that a reader may do wrong is seen."""

from __future__ import annotations

import pytest
from checker import Kept
from hearing import wrong_with_consumer, wrong_with_follower
from lines import Row

TOPIC = "net/a"
KEPT = {TOPIC: [Kept(offset, f"a {offset} ".encode()) for offset in range(4)]}


def record(offset: int, number: int | None = None) -> Row:
    """Return the line of a record, by itself or in another's place."""
    return "record", TOPIC, offset, f"a {offset if number is None else number} "


ALL = [record(offset) for offset in range(4)]


def test_one_that_hears_the_journal_is_right() -> None:
    assert wrong_with_follower(ALL, KEPT) == []


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(ALL[:3], id="lost at the end"),
        pytest.param([*ALL[:1], *ALL[2:]], id="lost within"),
        pytest.param([*ALL[:2], *ALL[1:]], id="twice"),
        pytest.param([*ALL[:2], ALL[3], ALL[2]], id="out of order"),
        pytest.param([*ALL[:3], record(3, 9)], id="another record"),
        pytest.param([*ALL, record(4)], id="more than there is"),
        pytest.param([*ALL, ("record", "net/b", 0, "b 0 ")], id="a topic that is not there"),
        pytest.param([*ALL, ("told", "Gap", "offsets are damaged")], id="told of a gap"),
        pytest.param([], id="nothing heard"),
    ],
)
def test_each_wrong_of_a_follower_is_seen(rows: list[Row]) -> None:
    assert len(wrong_with_follower(rows, KEPT)) == 1


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("begin",), *ALL], id="one life"),
        pytest.param([("begin",), *ALL[:3], ("begin",), *ALL], id="no commit"),
        pytest.param([("begin",), *ALL[:2], ("committed", TOPIC, 2), ("begin",), *ALL[2:]], id="resumed at a commit"),
        pytest.param(
            [("begin",), *ALL[:1], ("committed", TOPIC, 1), ALL[1], ("begin",), *ALL[2:]],
            id="the answer to a commit was lost",
        ),
    ],
)
def test_a_consumer_may_hear_again_what_it_did_not_commit(rows: list[Row]) -> None:
    assert wrong_with_consumer(rows, KEPT) == []


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("begin",), *ALL[:2]], id="the end not heard"),
        pytest.param([("begin",), *ALL[:2], ALL[3]], id="one skipped"),
        pytest.param([("begin",), *ALL[:2], *ALL[1:]], id="twice in one life"),
        pytest.param([("begin",), *ALL[:2], ("begin",), ALL[3]], id="resumed behind what it heard"),
        pytest.param(
            [("begin",), *ALL[:2], ("committed", TOPIC, 2), ("begin",), *ALL[1:]], id="resumed before a commit"
        ),
        pytest.param([("begin",), *ALL[:3], record(3, 9)], id="another record"),
        pytest.param([("begin",), *ALL, ("told", "Rewound", "lost its end")], id="told of a rewind"),
    ],
)
def test_each_wrong_of_a_consumer_is_seen(rows: list[Row]) -> None:
    assert len(wrong_with_consumer(rows, KEPT)) == 1
