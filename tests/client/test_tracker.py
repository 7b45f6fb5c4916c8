"""Where a subscriber stands: history joined to live, holes found and fetched, and nothing handed out twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import zstandard
from client_kit import EPOCH, frame, stamped

from mq.client.cursor import Wish
from mq.client.message import Batch
from mq.client.tracker import Tracker
from mq.errors import CodecMissing, FrameRefused, Gap, MqError, Refused, Rewound, Trimmed
from mq.frame import UNSTORED, Frame
from mq.protocol import Frames, OffsetFound
from mq.topic import Pattern

A, B = "a/x", "a/y"


def tracker(start: int | str = 0, pattern: str = "a/#", time: int | None = None) -> Tracker:
    return Tracker([Pattern.parse(pattern)], start, time)  # type: ignore[arg-type]


def listed(*heads: tuple[str, int, int], start: int | str = 0) -> Tracker:
    """Return a tracker that was told of these topics."""
    new = tracker(start)
    new.on_heads(heads, complete=True)
    return new


def following(position: int = 3, epoch: int = EPOCH) -> Tracker:
    """Return a tracker that follows one topic live, from this position on."""
    new = listed((A, position, epoch), start="live")
    assert new.wish() is None
    return new


def slice_(
    first: int, stop: int, *, end: int | None = None, epoch: int = EPOCH, more: bool = False, topic: str = A
) -> Frames:
    """Return an answer with one record a frame."""
    data = b"".join(stamped(topic, b"%d" % offset, offset=offset, epoch=epoch) for offset in range(first, stop))
    return Frames(1, topic, data, stop, epoch, stop if end is None else end, more)


def taken(tracker: Tracker) -> list[int | type[MqError] | None]:
    """Return what is ready: the offset of each record, the kind of each error."""
    found: list[int | type[MqError] | None] = []
    while tracker.ready:
        each = tracker.ready.popleft()
        if isinstance(each, MqError):
            found.append(type(each))
        else:
            found += [message.offset for message in each.messages()]
    return found


# --- beginning ----------------------------------------------------------------------------------------------------


def test_from_the_beginning_history_comes_first_and_live_joins_on() -> None:
    it = listed((A, 3, EPOCH))
    assert it.wish() == Wish(A, 0)
    assert it.wish() is None
    it.on_live(frame(A, b"3", offset=3))
    it.on_frames(slice_(0, 3))
    assert taken(it) == [0, 1, 2]
    assert it.wish() == Wish(A, 3, EPOCH)
    it.on_frames(slice_(3, 4))
    it.on_live(frame(A, b"4", offset=4))
    assert taken(it) == [3, 4]
    assert it.wish() is None


def test_from_an_offset_each_topic_begins_there() -> None:
    it = listed((A, 5, EPOCH), (B, 5, EPOCH), start=2)
    assert it.wish() == Wish(A, 2)
    it.on_frames(slice_(2, 5))
    assert it.wish() == Wish(B, 2)
    it.on_frames(slice_(2, 5, topic=B))
    assert taken(it) == [2, 3, 4, 2, 3, 4]


def test_live_begins_where_each_topic_ended() -> None:
    it = following(3)
    it.on_live(frame(A, b"3", offset=3))
    assert taken(it) == [3]


def test_from_a_time_the_offset_is_asked_for_first() -> None:
    it = tracker("live", time=99)
    it.on_heads([(A, 5, EPOCH)], complete=True)
    assert it.wish() == Wish(A, None, time=99)
    it.on_live(frame(A, b"5", offset=5))
    it.on_offset(OffsetFound(1, B, 1))
    assert it.wish() is None
    it.on_offset(OffsetFound(1, A, 4))
    assert it.wish() == Wish(A, 4)
    it.on_frames(slice_(4, 6))
    assert taken(it) == [4, 5]
    assert it.wish() is None


@pytest.mark.parametrize("start", [0, 5, "live"])
def test_a_topic_that_appears_later_begins_at_its_beginning(start: int | str) -> None:
    heard, told = listed(start=start), listed(start=start)
    heard.on_live(frame(A, b"0", offset=0))
    assert taken(heard) == [0]
    told.on_heads([(A, 1, EPOCH)], complete=True)
    assert told.wish() == Wish(A, 0)


def test_what_is_heard_before_the_ends_are_known_is_left_to_history() -> None:
    it = tracker()
    it.on_live(frame(A, b"0", offset=0))
    it.on_heads([(A, 1, EPOCH)], complete=False)
    it.on_live(frame(B, b"0", offset=0))
    assert taken(it) == []
    it.on_heads([(B, 1, EPOCH)], complete=True)
    assert [it.wish(), it.wish()] == [Wish(A, 0), None]


def test_what_no_pattern_matches_is_dropped() -> None:
    it = tracker("live", "a/+")
    it.on_heads([], complete=True)
    for topic in ("b", "a", "a/x/y", "_m/x"):
        it.on_live(frame(topic, b"", offset=0))
        it.on_live(frame(topic, b"", offset=UNSTORED, epoch=0))
    assert taken(it) == []


def test_unstored_records_are_handed_out_at_once_and_move_nothing() -> None:
    it = following(3)
    it.on_live(frame(A, b"", offset=UNSTORED, epoch=0))
    it.on_live(frame(A, b"", offset=3))
    assert taken(it) == [None, 3]


# --- holes --------------------------------------------------------------------------------------------------------


def test_a_hole_is_fetched_and_what_was_had_already_is_dropped() -> None:
    it = following(3)
    it.on_live(frame(A, b"", offset=5))
    assert it.repaired == 1
    assert it.wish() == Wish(A, 3, EPOCH)
    it.on_live(frame(A, b"", offset=6))
    it.on_frames(slice_(3, 7))
    it.on_live(frame(A, b"", offset=6))
    it.on_live(frame(A, b"", offset=7))
    assert taken(it) == [3, 4, 5, 6, 7]
    assert it.repaired == 1


def test_of_a_batch_only_what_is_due_is_handed_out() -> None:
    it = following(3)
    it.on_live(frame(A, b"1", b"2", b"3", b"4", offset=1))
    (batch,) = it.ready
    assert isinstance(batch, Batch)
    assert (batch.offset, batch.records) == (3, [b"3", b"4"])


def test_a_hole_that_no_live_frame_has_shown_is_found_by_the_ends_after_a_second_look() -> None:
    it = following(3)
    it.look_again()
    it.on_heads([(A, 5, EPOCH)], complete=True)
    assert it.wish() is None
    it.look_again()
    assert it.wish() is None
    it.look_again()
    assert it.wish() == Wish(A, 3, EPOCH)
    assert it.repaired == 1


def test_what_the_ends_show_may_still_come_live() -> None:
    it = following(3)
    it.look_again()
    it.on_heads([(A, 4, EPOCH)], complete=True)
    it.on_live(frame(A, b"", offset=3))
    it.look_again()
    it.look_again()
    assert it.wish() is None
    assert it.repaired == 0


def test_ends_that_live_has_overtaken_meanwhile_are_no_reason_to_ask() -> None:
    """Under a flood every answer is behind the live frames; thousands of topics would all be fetched for nothing."""
    it = following(3)
    it.look_again()
    it.on_live(frame(A, b"", offset=3))
    it.on_live(frame(A, b"", offset=4))
    it.on_heads([(A, 4, EPOCH)], complete=True)
    assert it.wish() is None


# --- answers that are not whole -----------------------------------------------------------------------------------


def test_slices_of_an_answer_go_on_until_the_last() -> None:
    it = listed((A, 6, EPOCH))
    it.wish()
    assert it.on_frames(slice_(0, 2, end=6, more=True))
    assert it.wish() is None
    assert it.on_frames(slice_(2, 4, end=6, more=True))
    assert it.on_frames(slice_(4, 6))
    assert taken(it) == [0, 1, 2, 3, 4, 5]
    assert it.wish() is None


def test_a_slice_that_was_dropped_is_asked_for_again_and_never_skipped() -> None:
    it = listed((A, 6, EPOCH))
    it.wish()
    it.on_frames(slice_(0, 2, end=6, more=True))
    assert not it.on_frames(slice_(4, 6))
    assert taken(it) == [0, 1]
    assert it.wish() == Wish(A, 2, EPOCH)
    it.on_frames(slice_(2, 6))
    assert taken(it) == [2, 3, 4, 5]


def test_a_last_slice_that_was_dropped_with_nothing_behind_it_is_asked_for_again() -> None:
    it = listed((A, 6, EPOCH))
    it.wish()
    it.on_frames(slice_(0, 2, end=6, more=True))
    assert not it.on_frames(Frames(1, A, b"", 6, EPOCH, 6))
    assert it.wish() == Wish(A, 2, EPOCH)


def test_a_credit_that_does_not_reach_the_end_is_followed_by_another() -> None:
    it = listed((A, 6, EPOCH))
    it.wish()
    it.on_frames(slice_(0, 4, end=6))
    assert it.wish() == Wish(A, 4, EPOCH)


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    it = following(3)
    assert not it.on_frames(slice_(0, 9))
    it.on_live(frame(A, b"", offset=5))
    it.wish()
    assert not it.on_frames(slice_(3, 6, topic=B))
    it.on_offset(OffsetFound(1, A, 0))
    assert taken(it) == []


def test_after_a_reconnect_what_was_asked_is_asked_again_first() -> None:
    it = listed((A, 2, EPOCH), (B, 2, EPOCH))
    assert it.wish() == Wish(A, 0)
    it.on_frames(slice_(0, 1, end=2, more=True))
    it.on_reconnect()
    it.on_reconnect()
    assert it.wish() == Wish(A, 1, EPOCH)
    it.on_frames(slice_(1, 2))
    assert it.wish() == Wish(B, 0)


def test_damaged_frames_in_an_answer_are_an_error() -> None:
    it = listed((A, 2, EPOCH))
    it.wish()
    reply = slice_(0, 2)
    broken = bytearray(reply.frames)
    broken[-1] ^= 1
    with pytest.raises(FrameRefused):
        it.on_frames(Frames(1, A, bytes(broken), 2, EPOCH, 2))
    assert taken(it) == [0]
    it.on_reconnect()
    assert it.wish() == Wish(A, 1, EPOCH)


def test_what_cannot_be_unpacked_here_is_an_error_once_and_the_next_record_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object) -> bytes:
        raise CodecMissing

    monkeypatch.setattr("mq.body._decompress", missing)
    body = zstandard.compress(b"x" * 50)
    compressed = stamped_with_flags(A, body, 0x02, 3)
    it = following(3)
    it.on_live(compressed)
    it.on_live(frame(A, b"", offset=4))
    assert taken(it) == [CodecMissing, 4]
    it = following(3)
    it.on_live(compressed._replace(header=compressed.header._replace(offset=UNSTORED)))
    assert taken(it) == [CodecMissing]


def stamped_with_flags(topic: str, body: bytes, flags: int, offset: int) -> Frame:
    plain = frame(topic, body, offset=offset)
    return plain._replace(header=plain.header._replace(flags=flags))


# --- what is not there any more -----------------------------------------------------------------------------------


def test_a_damaged_stretch_is_an_explicit_gap() -> None:
    it = listed((A, 9, EPOCH))
    it.wish()
    data = slice_(5, 9)
    it.on_frames(Frames(1, A, data.frames, 9, EPOCH, 9, lost=5))
    gap = it.ready.popleft()
    assert isinstance(gap, Gap)
    assert (gap.topic, gap.first, gap.next) == (A, 0, 5)
    assert taken(it) == [5, 6, 7, 8]


def test_damage_up_to_the_end_is_a_gap_too() -> None:
    it = listed((A, 9, EPOCH))
    it.wish()
    it.on_frames(Frames(1, A, b"", 9, EPOCH, 9, lost=9))
    assert taken(it) == [Gap]
    assert it.wish() is None
    it.on_live(frame(A, b"", offset=9))
    assert taken(it) == [9]


def test_what_a_later_slice_calls_lost_may_be_more_than_that_and_is_asked_for_again() -> None:
    """The slice before it, dropped on its way, may have held a part of what now seems lost."""
    it = listed((A, 9, EPOCH))
    it.wish()
    it.on_frames(slice_(0, 2, end=9, more=True))
    assert not it.on_frames(Frames(1, A, slice_(6, 9).frames, 9, EPOCH, 9, lost=6))
    assert it.wish() == Wish(A, 2, EPOCH)
    it.on_frames(slice_(2, 4, end=9, more=True))
    it.on_frames(Frames(1, A, slice_(6, 9).frames, 9, EPOCH, 9, lost=6))
    assert it.wish() == Wish(A, 4, EPOCH)
    it.on_frames(Frames(1, A, slice_(6, 9).frames, 9, EPOCH, 9, lost=6))
    assert taken(it) == [0, 1, 2, 3, Gap, 6, 7, 8]


def test_trimmed_is_told_and_reading_goes_on_at_what_is_kept() -> None:
    it = listed((A, 9, EPOCH))
    it.wish()
    it.on_failure(Trimmed(A, 0, 7))
    assert it.wish() == Wish(A, 7)
    it.on_frames(slice_(7, 9))
    assert taken(it) == [Trimmed, 7, 8]


def test_a_live_frame_of_another_life_that_joins_on_is_for_the_journal_to_judge() -> None:
    it = following(3, epoch=5)
    it.on_live(frame(A, b"", offset=3, epoch=6))
    assert taken(it) == []
    assert it.wish() == Wish(A, 3, 5)
    it.on_frames(slice_(3, 4, epoch=6))
    it.on_live(frame(A, b"", offset=4, epoch=6))
    assert taken(it) == [3, 4]


def test_a_live_frame_that_gives_an_offset_again_is_for_the_journal_to_judge() -> None:
    it = following(3, epoch=5)
    it.on_live(frame(A, b"", offset=1, epoch=6))
    assert it.wish() == Wish(A, 3, 5)
    it.on_failure(Rewound(A, 3, 1))
    assert it.wish() == Wish(A, 1)
    it.on_frames(slice_(1, 2, epoch=6))
    assert taken(it) == [Rewound, 1]


def test_live_frames_of_an_earlier_life_that_were_had_already_are_no_reason_to_ask() -> None:
    it = following(3, epoch=6)
    it.on_live(frame(A, b"", offset=2, epoch=5))
    assert it.wish() is None
    assert taken(it) == []


@pytest.mark.parametrize("head", [(A, 2, EPOCH), (A, 3, EPOCH + 1), (A, 1, EPOCH + 1)])
def test_an_end_that_does_not_fit_the_position_is_for_the_journal_to_judge(head: tuple[str, int, int]) -> None:
    it = following(3)
    it.look_again()
    it.on_heads([head], complete=True)
    assert it.wish() == Wish(A, 3, EPOCH)


def test_a_topic_that_is_not_there_after_a_reconnect_is_for_the_journal_to_judge() -> None:
    it = listed((A, 3, EPOCH), (B, 3, EPOCH), start="live")
    it.on_reconnect()
    it.on_heads([(B, 3, EPOCH)], complete=True)
    assert [it.wish(), it.wish()] == [Wish(A, 3, EPOCH), None]
    it.on_failure(Rewound(A, 3, 0))
    assert it.wish() == Wish(A, 0)
    it.on_frames(Frames(1, A, b"", 0, 0, 0))
    it.on_live(frame(A, b"", offset=0, epoch=9))
    assert taken(it) == [Rewound, 0]
    it.on_heads([], complete=True)
    assert it.wish() is None


def test_an_end_that_was_heard_of_and_is_no_longer_there_is_not_asked_for_for_ever() -> None:
    it = following(3)
    it.on_live(frame(A, b"", offset=5))
    assert it.wish() == Wish(A, 3, EPOCH)
    it.on_frames(Frames(1, A, b"", 3, EPOCH, 3))
    for _ in range(3):
        it.look_again()
        if (wish := it.wish()) is not None:
            it.on_frames(Frames(1, A, b"", 3, EPOCH, 3))
    assert wish is None
    it.on_live(frame(A, b"", offset=3))
    assert taken(it) == [3]


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("error", "told"), [(Refused("busy"), []), (Refused("failed"), [Refused])])
def test_what_was_refused_is_asked_again_later_and_busy_is_no_error(
    error: Refused, told: Sequence[type[MqError]]
) -> None:
    it = listed((A, 3, EPOCH), (B, 3, EPOCH))
    it.wish()
    it.on_failure(error)
    assert taken(it) == told
    assert it.wish() == Wish(B, 0)
    it.on_frames(slice_(0, 3, topic=B))
    assert it.wish() is None
    it.look_again()
    assert it.wish() == Wish(A, 0)


def test_a_judgement_that_was_refused_is_asked_for_again_even_in_silence() -> None:
    it = following(3)
    it.look_again()
    it.on_heads([(A, 2, EPOCH)], complete=True)
    it.wish()
    it.on_failure(Refused("busy"))
    it.look_again()
    assert it.wish() == Wish(A, 3, EPOCH)


def test_a_refusal_of_what_nobody_asked_changes_nothing() -> None:
    it = following(3)
    it.on_failure(Refused("failed"))
    assert taken(it) == []
    it.on_live(frame(A, b"", offset=3))
    assert taken(it) == [3]
