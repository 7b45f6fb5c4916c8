"""The newest record of each topic: what waits, what is passed over, and what is fetched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from client_kit import EPOCH, frame, stamped
from hypothesis import given
from hypothesis import strategies as st

from mq.client import latest as module
from mq.client.cursor import Wish
from mq.client.latest import ONE_FRAME, Latest
from mq.client.message import Batch
from mq.errors import FrameRefused, MqError, Refused, Rewound, Trimmed
from mq.frame import UNSTORED
from mq.protocol import Frames
from mq.topic import Pattern

A, B = "a/x", "a/y"


def latest(*heads: tuple[str, int, int], last: bool = False) -> Latest:
    """Return one that was told of these topics at the beginning."""
    new = Latest([Pattern.parse("a/#")], last=last)
    new.on_heads(heads, complete=True)
    return new


def chosen(it: Latest) -> list[tuple[str, int | None] | type[MqError]]:
    """Return all that can be handed out without asking."""
    found: list[tuple[str, int | None] | type[MqError]] = []
    it.choose()
    while it.ready:
        each = it.ready.popleft()
        if isinstance(each, Batch):
            assert len(each.records) == 1
            found.append((each.topic, each.offset))
        else:
            found.append(type(each))
        it.choose()
    return found


def answer(topic: str, offset: int, *records: bytes, epoch: int = EPOCH) -> Frames:
    """Return what a broker answers to a fetch of one frame."""
    data = stamped(topic, *(records or (b"x",)), offset=offset, epoch=epoch)
    end = offset + max(1, len(records))
    return Frames(1, topic, data, end, epoch, end)


def test_what_was_there_at_the_beginning_is_not_handed_out_and_what_comes_is() -> None:
    it = latest((A, 5, EPOCH))
    assert chosen(it) == []
    it.on_live(frame(A, b"4", offset=4))
    it.on_live(frame(A, b"5", offset=5))
    assert chosen(it) == [(A, 5)]
    assert (it.wish(), it.lag) == (None, 0)


def test_with_last_what_was_there_is_fetched_one_record_a_topic() -> None:
    it = latest((A, 5, EPOCH), (B, 2, EPOCH), last=True)
    assert (chosen(it), it.lag) == ([], 2)
    assert it.wish() == Wish(A, 4, credit=ONE_FRAME)
    it.on_frames(answer(A, 3, b"3", b"4"))
    assert chosen(it) == [(A, 4)]
    assert it.wish() == Wish(B, 1, credit=ONE_FRAME)


def test_of_each_topic_the_newest_waits_in_the_order_in_which_the_topics_came() -> None:
    it = latest()
    for offset in range(100):
        for topic in (B, A):
            it.on_live(frame(topic, b"x", b"y", offset=2 * offset))
    assert it.lag == 2
    assert chosen(it) == [(B, 199), (A, 199)]
    assert (it.repaired, it.lost) == (0, 0)


def test_a_topic_that_is_always_new_does_not_keep_the_others_from_their_turn() -> None:
    it = latest()
    it.on_live(frame(A, b"x", offset=0))
    it.on_live(frame(B, b"x", offset=0))
    found = []
    for offset in range(1, 4):
        it.choose()
        each = it.ready.popleft()
        assert isinstance(each, Batch)
        found.append(each.topic)
        it.on_live(frame(A, b"x", offset=offset))
    assert found == [A, B, A]


def test_what_waits_and_is_not_the_newest_is_not_handed_out_but_the_newest_is_fetched() -> None:
    it = latest((A, 0, 0))
    it.on_live(frame(A, b"0", offset=0))
    it.on_heads([(A, 1_000_000, EPOCH)], complete=True)
    assert chosen(it) == []
    assert it.wish() == Wish(A, 999_999, credit=ONE_FRAME)
    assert it.wish() is None
    it.on_live(frame(A, b"1", offset=1))
    it.on_frames(answer(A, 999_999))
    assert chosen(it) == [(A, 999_999)]
    it.on_live(frame(A, b"2", offset=2))
    it.on_heads([(A, 1_000_000, EPOCH)], complete=True)
    assert chosen(it) == []
    assert it.wish() is None


def test_what_comes_live_while_something_older_is_fetched_is_handed_out_next() -> None:
    it = latest((A, 3, EPOCH), last=True)
    assert chosen(it) == []
    assert it.wish() is not None
    it.on_live(frame(A, b"7", offset=7))
    it.on_frames(answer(A, 2))
    assert chosen(it) == [(A, 2), (A, 7)]


def test_a_journal_that_lost_its_end_goes_on_with_what_is_new_in_it() -> None:
    it = latest((A, 100, EPOCH))
    it.on_heads([(A, 7, EPOCH)], complete=True)
    assert chosen(it) == []
    it.on_live(frame(A, b"x", offset=7, epoch=EPOCH + 1))
    assert chosen(it) == [(A, 7)]


def test_unstored_records_are_handed_out_and_move_nothing() -> None:
    it = latest((A, 5, EPOCH))
    for _ in range(3):
        it.on_live(frame(A, b"x", offset=UNSTORED, epoch=0))
    assert chosen(it) == [(A, None)]
    it.on_live(frame(A, b"5", offset=5))
    assert chosen(it) == [(A, 5)]


@pytest.mark.parametrize("error", [Trimmed(A, 4, 9), Rewound(A, 4, 0)])
def test_a_newest_record_that_is_gone_is_passed_over(error: MqError) -> None:
    it = latest((A, 5, EPOCH), last=True)
    assert chosen(it) == []
    assert it.wish() is not None
    it.on_failure(error)
    assert (chosen(it), it.wish(), it.lag) == ([], None, 0)


def test_a_newest_record_that_is_damaged_is_passed_over() -> None:
    it = latest((A, 5, EPOCH), last=True)
    assert chosen(it) == []
    assert it.wish() is not None
    it.on_frames(Frames(1, A, b"", 5, EPOCH, 5, lost=5))
    assert (chosen(it), it.wish(), it.lag) == ([], None, 0)


@pytest.mark.parametrize(("reason", "told"), [("busy", []), ("failed", [Refused])])
def test_a_refusal_is_tried_again_after_the_next_asking_for_the_ends(reason: str, told: list[type[MqError]]) -> None:
    it = latest((A, 5, EPOCH), (B, 5, EPOCH), last=True)
    assert chosen(it) == []
    assert it.wish() == Wish(A, 4, credit=ONE_FRAME)
    it.on_failure(Refused(reason))
    assert chosen(it) == told
    assert it.wish() is None
    it.look_again()
    assert it.wish() == Wish(B, 4, credit=ONE_FRAME)


@pytest.mark.parametrize("topic", [B, "other"])
def test_an_answer_with_another_topics_frames_is_refused(topic: str) -> None:
    it = latest((A, 5, EPOCH), last=True)
    it.choose()
    assert it.wish() is not None
    with pytest.raises(FrameRefused, match="a fetch of a/x was answered with something else"):
        it.on_frames(Frames(1, A, answer(topic, 4).frames, 5, EPOCH, 5))


def test_an_end_that_is_none_asks_for_nothing() -> None:
    it = latest(last=True)
    it.on_heads([(A, 0, EPOCH), (B, 0, 0)], complete=True)
    assert (chosen(it), it.wish(), it.lag) == ([], None, 0)


def test_more_topics_than_the_bound_are_told_once_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATEST_TOPICS_MAX", 2)
    it = latest()
    for number in range(5):
        it.on_live(frame(f"a/{number}", b"x", offset=0))
    assert chosen(it) == [Refused, ("a/0", 0), ("a/1", 0)]
    it.on_live(frame("a/9", b"x", offset=1))
    it.on_live(frame("a/1", b"x", offset=1))
    assert chosen(it) == [("a/1", 1)]


def test_frames_that_are_too_much_to_keep_are_fetched_when_their_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LATEST_BYTES_MAX", 10)
    it = latest()
    it.on_live(frame(A, b"12345678", offset=0))
    it.on_live(frame(B, b"12345678", offset=0))
    assert chosen(it) == [(A, 0)]
    assert it.wish() == Wish(B, 0, credit=ONE_FRAME)
    it.on_live(frame(B, b"12345678", offset=1))
    it.on_frames(answer(B, 0))
    assert chosen(it) == [(B, 0), (B, 1)]


def steps() -> st.SearchStrategy[list[tuple[str, str]]]:
    does = ["append", "append unheard", "append, a life later", "heads", "choose", "fetch", "fail", "connect anew"]
    return st.lists(st.tuples(st.sampled_from(does), st.sampled_from([A, B])), max_size=80)


@given(steps(), st.booleans())
def test_whatever_happens_records_come_in_order_once_and_in_the_end_the_newest(
    steps: list[tuple[str, str]], last: bool
) -> None:
    world = World(last)
    for does, topic in steps:
        world.step(does, topic)
    world.quiet()
    for topic, end in world.ends.items():
        assert world.had.get(topic, -1) == end - 1


class World:
    """A broker around it: live frames that are lost, answers, and a count of what was handed out."""

    def __init__(self, last: bool) -> None:
        self.it = latest(last=last)
        self.ends: dict[str, int] = {}
        self.epochs: dict[str, int] = {}
        self.epoch = EPOCH
        self.asked: Wish | None = None
        self.had: dict[str, int] = {}

    def step(self, does: str, topic: str) -> None:
        """Let one thing happen."""
        if does.startswith("append"):
            self.epoch += does.endswith("later")
            offset = self.ends.get(topic, 0)
            self.ends[topic], self.epochs[topic] = offset + 2, self.epoch
            if does == "append":
                self.it.on_live(frame(topic, b"%d" % offset, b"%d" % (offset + 1), offset=offset, epoch=self.epoch))
        elif does == "heads":
            self.it.look_again()
            self.it.on_heads(list(self.heads()), complete=True)
        elif does == "choose":
            self.take()
        elif does == "fetch" and self.asked is not None:
            topic, end = self.asked.topic, self.ends[self.asked.topic]
            begin = (self.asked.offset or 0) // 2 * 2
            data = stamped(topic, b"%d" % begin, b"%d" % (begin + 1), offset=begin, epoch=self.epochs[topic])
            self.it.on_frames(Frames(1, topic, data, begin + 2, self.epochs[topic], end))
            self.asked = None
        elif does == "fail" and self.asked is not None:
            self.it.on_failure(Refused("busy"))
            self.asked = None
        elif does == "connect anew":
            self.asked = None
            self.it.on_reconnect()

    def heads(self) -> Iterator[tuple[str, int, int]]:
        """Return the ends as they are."""
        for topic, end in sorted(self.ends.items()):
            yield topic, end, self.epochs[topic]

    def take(self) -> None:
        """Take what can be handed out, and hold it against what was had."""
        self.it.choose()
        while self.it.ready:
            found = self.it.ready.popleft()
            assert isinstance(found, Batch)
            assert found.offset is not None
            assert found.records == [b"%d" % found.offset]
            assert found.offset > self.had.get(found.topic, -1), "older than what was had, or twice"
            self.had[found.topic] = found.offset
            self.it.choose()
        self.asked = self.asked or self.it.wish()

    def quiet(self) -> None:
        """Let the ends be told, and all that is asked then be answered."""
        self.step("heads", A)
        for _ in range(6):
            self.take()
            self.step("fetch", A)
        self.take()
        assert self.asked is None
        assert self.it.lag == 0
