# ruff: noqa: D102 - a step says what it does by its name
"""The journal against a list: whatever is done in whatever order, what is read is what a list would hold."""

from __future__ import annotations

import os
import shutil
import tempfile
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from journal_kit import ALL, Box, checked, put, read_all, split

from mq.config import Config
from mq.errors import Rewound, Trimmed
from mq.journal.verify import verify

TOPICS = ["a", "a/b", "c"]
LIMITS = Config(segment_bytes=4096, index_interval_bytes=1024, open_files_max=8)


@dataclass
class Model:
    """A topic as a list: a record, its time of appending, its epoch; how many of them had been synced.

    Those below `first` were trimmed, or deleted with the topic; then it is not there until it is written to again.
    """

    records: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    synced: int = 0
    first: int = 0
    is_there: bool = False

    @property
    def end(self) -> int:
        """Its next offset."""
        return len(self.records)

    def cut(self, count: int) -> None:
        """Forget all but the first so many."""
        del self.records[count:], self.times[count:], self.epochs[count:]


class JournalAgainstList(RuleBasedStateMachine):
    """What can happen to a journal, and after each step what must be true."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="journal"))
        self.box = Box(self.root / "0", LIMITS)
        self.model: dict[str, Model] = {}
        self.token = 0
        self.known: dict[str, int] = {}

    @initialize()
    def begin(self) -> None:
        self.journal = self.box.open()

    def teardown(self) -> None:
        self.box.kill()
        shutil.rmtree(self.root)

    # --- what happens ---------------------------------------------------------------------------------------------

    @rule(topic=st.sampled_from(TOPICS), sizes=st.lists(st.integers(0, 700), min_size=1, max_size=6))
    def append_a_frame(self, topic: str, sizes: list[int]) -> None:
        records = [os.urandom(size) for size in sizes]
        self._take(topic, records)
        run = put(self.journal, *records, topic=topic)
        assert run.next == self.model[topic].end

    @rule(number=st.integers(1, 30), size=st.integers(0, 200))
    def append_many(self, number: int, size: int) -> None:
        batch = [(TOPICS[each % 2], b"%d" % each + b"." * size) for each in range(number)]
        for topic, record in batch:
            self._take(topic, [record])
        assert all(
            run.error is None for run in self.journal.append([checked(topic, record) for topic, record in batch])
        )

    def _take(self, topic: str, records: list[bytes]) -> None:
        model = self.model.setdefault(topic, Model())
        model.records += records
        model.is_there = True
        appended = max([self.box.clock.now, *model.times[-1:]])
        model.times += [appended] * len(records)
        model.epochs += [self.journal.epoch] * len(records)

    @rule(nanoseconds=st.integers(-5, 20))
    def time_passes(self, nanoseconds: int) -> None:
        self.box.clock.now += nanoseconds

    @rule()
    def sync(self) -> None:
        self.journal.sync()
        self._synced()

    @rule()
    def checkpoint(self) -> None:
        self.journal.checkpoint()
        self._synced()

    def _synced(self) -> None:
        for model in self.model.values():
            model.synced = model.end

    @precondition(lambda self: self._there())
    @rule(data=st.data())
    def roll(self, data: st.DataObject) -> None:
        topic, model = self._some(data)
        log = self.journal._catalog.get(topic)
        assert log is not None
        if log.state.size:
            self.journal._upkeep.roll(log)
            model.synced = model.end

    @precondition(lambda self: self._there())
    @rule(data=st.data())
    def trim(self, data: st.DataObject) -> None:
        topic, model = self._some(data)
        before = data.draw(st.integers(0, model.end + 3))
        first = self.journal.trim(topic, before)
        assert model.first <= first <= max(before, model.first)
        model.first = first

    @precondition(lambda self: self._there())
    @rule(topics=st.lists(st.sampled_from(TOPICS), min_size=1, max_size=3))
    def delete(self, topics: list[str]) -> None:
        gone = [topic for topic in dict.fromkeys(topics) if topic in self._there()]
        ends = [(topic, self.model[topic].end, self.model[topic].epochs[-1]) for topic in gone]
        assert self.journal.delete(topics) == ends
        for topic in gone:
            model = self.model[topic]
            model.first = model.synced = model.end
            model.is_there = False

    @rule()
    def close(self) -> None:
        self.journal.close()
        self.box.opened.clear()
        self._synced()
        self._reopen()

    @rule()
    def kill(self) -> None:
        self._reopen()

    @rule()
    def go_on_with_a_copy_taken_while_it_was_open(self) -> None:
        old = self.box.path
        path = self.root / str(int(old.name) + 1)
        shutil.copytree(old, path)
        self.box.kill()
        shutil.rmtree(old)
        self.box.path = path
        self._reopen()

    @rule()
    def lose_the_indexes(self) -> None:
        self.box.kill()
        for path in self.box.path.rglob("@*.index"):
            path.unlink()
        self._reopen()

    @precondition(lambda self: any(model.synced < model.end for model in self.model.values()))
    @rule(data=st.data())
    def power_cut(self, data: st.DataObject) -> None:
        """Of one topic the file ends somewhere behind what was synced."""
        topics = [topic for topic, model in self.model.items() if model.synced < model.end]
        topic = data.draw(st.sampled_from(topics))
        self.box.kill()
        log, model = self.box.segments(topic)[-1], self.model[topic]
        base, whole = int(log.name[1:21]), log.read_bytes()
        ends = {base: 0}
        for frame in split(whole, topic):
            ends[frame.header.next_offset] = ends[frame.header.offset] + len(topic) + 65 + len(frame.body)
        kept = min(end for offset, end in ends.items() if offset >= model.synced)
        cut = data.draw(st.integers(kept, len(whole)))
        os.truncate(log, cut)
        model.cut(max(offset for offset, end in ends.items() if end <= cut))
        self._reopen()

    def _reopen(self) -> None:
        epoch = self.journal.epoch
        self.journal = self.box.open()
        assert self.journal.epoch > epoch
        for topic in self._there():
            if self.model[topic].end == self.model[topic].first:  # one that began anew in vain need not stay
                self.model[topic].is_there = self.journal._catalog.get(topic) is not None

    # --- what is asked --------------------------------------------------------------------------------------------

    @precondition(lambda self: self._known())
    @rule(data=st.data(), size=st.integers(1, 3000))
    def read_by_offset(self, data: st.DataObject, size: int) -> None:
        topic, model = self._some_known(data)
        offset = data.draw(st.integers(model.first, model.end))
        epoch = model.epochs[offset - 1] if offset else 0
        got = self.journal.read(topic, offset, epoch, size)
        frames = split(got.frames, topic)
        assert (got.end, got.lost) == (model.end, None)
        assert bool(frames) == (offset < model.end)
        for frame in frames:
            header = frame.header
            assert frame.records() == model.records[header.offset : header.next_offset]
            assert (header.appended, header.epoch) == (model.times[header.offset], model.epochs[header.offset])

    @precondition(lambda self: self._known())
    @rule(data=st.data(), wrong=st.integers(-3, 3))
    def read_with_a_wrong_epoch(self, data: st.DataObject, wrong: int) -> None:
        topic, model = self._some_known(data)
        offset = data.draw(st.integers(model.first + 1, model.end + 3))
        right = model.epochs[offset - 1] if offset <= model.end else None
        epoch = max(model.epochs[min(offset, model.end) - 1] + wrong, 0)
        if epoch == right:
            return
        with pytest.raises(Rewound) as caught:
            self.journal.read(topic, offset, epoch, 1)
        later = (at for at, each in enumerate(model.epochs) if each > epoch)
        assert caught.value.end == min(offset, max(model.first, next(later, model.end)))

    @precondition(lambda self: self._known())
    @rule(data=st.data())
    def read_what_is_gone(self, data: st.DataObject) -> None:
        topic, model = self._some_known(data)
        if model.first == 0:
            return
        with pytest.raises(Trimmed) as caught:
            self.journal.read(topic, data.draw(st.integers(0, model.first - 1)), None, 1)
        assert caught.value.first_kept == model.first

    @precondition(lambda self: self._known())
    @rule(data=st.data(), by=st.integers(-1, 1))
    def find_by_time(self, data: st.DataObject, by: int) -> None:
        topic, model = self._some_known(data)
        time = data.draw(st.sampled_from(model.times)) + by
        assert self.journal.offset_at(topic, time) == max(model.first, bisect_left(model.times, time))

    def _there(self) -> list[str]:
        return [topic for topic, model in self.model.items() if model.is_there and model.records]

    def _known(self) -> list[str]:
        """Return the topics that there are, and those that were deleted."""
        return [topic for topic, model in self.model.items() if model.records]

    def _some(self, data: st.DataObject) -> tuple[str, Model]:
        topic = data.draw(st.sampled_from(self._there()))
        return topic, self.model[topic]

    def _some_known(self, data: st.DataObject) -> tuple[str, Model]:
        topic = data.draw(st.sampled_from(self._known()))
        return topic, self.model[topic]

    @rule()
    def ask_for_heads(self) -> None:
        heads, self.token, more = self.journal.heads(ALL, self.token, None, 99)
        assert more is None
        self.known.update((head.topic, head.next) for head in heads)
        for topic in self._there():
            assert self.known[topic] == self.model[topic].end

    # --- what is always true --------------------------------------------------------------------------------------

    @invariant()
    def all_is_there(self) -> None:
        held = {info.topic: info for info in self.journal.topics(ALL, None, 99)[0]}
        assert held.keys() == set(self._there())
        for topic, info in held.items():
            model = self.model[topic]
            seen = read_all(self.journal, topic, model.first, 1 << 20)
            assert list(seen.records.values()) == model.records[model.first :]
            assert not seen.gaps
            assert (info.first, info.next, info.appended) == (model.first, model.end, model.times[-1])
            assert info.bytes == len(self.box.log(topic)) == len(seen.frames)

    @invariant()
    def the_last_frames_are_the_last(self) -> None:
        frames, _ = self.journal.last(ALL, None, 1 << 20)
        for topic, model in sorted(self.model.items()):
            if model.end > model.first:
                length = int.from_bytes(frames[len(topic) + 33 : len(topic) + 37], "little")
                (frame,) = split(frames[: len(topic) + 65 + length], topic)
                assert frame.header.next_offset == model.end
                assert frame.records()[-1] == model.records[-1]
                frames = frames[len(topic) + 65 + length :]
        assert frames == b""

    @invariant()
    def it_is_whole(self) -> None:
        report = verify(self.box.data)
        assert report.findings == []
        assert report.records == sum(model.end - model.first for model in self.model.values())


def _run(examples: int, steps: int) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=quiet)
    run_state_machine_as_test(JournalAgainstList, settings=chosen)


def test_a_few_lives() -> None:
    _run(examples=40, steps=30)


@pytest.mark.slow
def test_many_long_lives() -> None:
    _run(examples=100, steps=70)
