"""Sharing in any order of events, against what a list would say: none to two, none lost, none after it was settled."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from consumer_kit import NAME, SECONDS, Scene
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mq.broker import consumer_log
from mq.protocol import Leave

TRIES_MAX = 3
OPEN_MAX = 12
TOPICS = ["jobs/a", "jobs/b"]
members = st.integers(1, 3)


class Crew(RuleBasedStateMachine):
    """The model: who holds each record by what the members were told, and what is settled."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(consumer_log, "EVENTS_BYTES_LEAST", 400)
        self.directory = tempfile.TemporaryDirectory()
        limits = {"consumer_tries_max": TRIES_MAX, "consumer_records_max": OPEN_MAX}
        self.scene = Scene(Path(self.directory.name) / "data", segment_bytes=4096, **limits)
        self.ends = dict.fromkeys(TOPICS, 0)
        self.holds: dict[int, set[tuple[str, int]]] = {}
        self.heard: dict[int, float] = {}
        self.settled: set[tuple[str, int]] = set()
        self.tries: dict[tuple[str, int], int] = {}

    def teardown(self) -> None:
        """Let one member settle all that is left: then each record is settled, or a dead letter."""
        self.scene.now += SECONDS + 1
        self.silence()
        self.scene.join(9)
        self.heard[9], self.holds[9] = self.scene.now, set()
        for _ in range(500):
            self.scene.now += 1
            self.heard[9] = self.scene.now
            if not self.lease(9, 100):
                break
            self.settle_all(9)
        letters = {(letter["topic"], letter["offset"]) for letter in self.scene.letters()}
        everything = {(topic, offset) for topic, end in self.ends.items() for offset in range(end)}
        assert self.settled | letters == everything
        assert not self.settled & letters
        assert all(self.tries[place] == TRIES_MAX for place in letters)
        self.scene.journal.close()
        self.directory.cleanup()
        self.patch.undo()

    @initialize()
    def begin(self) -> None:
        """Begin with a member."""
        self.join(1)

    @rule(topic=st.sampled_from(TOPICS), records=st.integers(1, 8))
    def append(self, topic: str, records: int) -> None:
        """Let a producer write."""
        self.scene.append(topic, records)
        self.ends[topic] += records

    @rule(member=members)
    def join(self, member: int) -> None:
        """Take part, or say that it goes on."""
        self.silence()
        self.scene.join(member)
        self.holds.setdefault(member, set())
        self.heard[member] = self.scene.now

    @rule(member=members, records=st.integers(1, 9))
    def take(self, member: int, records: int) -> None:
        """Ask for records."""
        if self.is_in(member):
            self.lease(member, records)

    def lease(self, member: int, records: int) -> int:
        """Take what is given, which nobody else may hold and nobody has settled."""
        self.scene.now += 0.2
        self.heard[member] = self.scene.now
        self.silence()
        given = [
            (topic, offset, tries)
            for topic, first, stop, tries in self.scene.lease(member, records)
            for offset in range(first, stop)
        ]
        assert len(given) <= records
        for topic, offset, tries in given:
            place = topic, offset
            assert offset < self.ends[topic]
            assert place not in self.settled
            assert not any(place in held for held in self.holds.values())
            self.tries[place] = self.tries.get(place, 0) + 1
            assert tries == self.tries[place] <= TRIES_MAX
            self.holds[member].add(place)
        return len(given)

    @rule(member=members, data=st.data())
    def settle(self, member: int, data: st.DataObject) -> None:
        """Settle some of what is held, release some, give some back unused."""
        if not self.is_in(member) or not self.holds[member]:
            return
        places = data.draw(st.lists(st.sampled_from(sorted(self.holds[member])), unique=True, min_size=1))
        kinds = data.draw(st.lists(st.sampled_from(["done", "failed", "unused"]), min_size=len(places)))
        rows: dict[str, list[list[Any]]] = {"done": [], "failed": [], "unused": []}
        for (topic, offset), kind in zip(places, kinds, strict=False):
            rows[kind].append([topic, offset, offset + 1])
            self.holds[member].discard((topic, offset))
            if kind == "done":
                self.settled.add((topic, offset))
            elif kind == "unused":
                self.tries[topic, offset] -= 1
        assert self.scene.settle(member, **rows) == []
        self.heard[member] = self.scene.now

    def settle_all(self, member: int) -> None:
        """Settle all that is held."""
        done = [[topic, offset, offset + 1] for topic, offset in sorted(self.holds[member])]
        assert self.scene.settle(member, done=done) == []
        self.settled |= self.holds[member]
        self.holds[member] = set()

    @rule(member=members, data=st.data())
    def settle_what_another_holds(self, member: int, data: st.DataObject) -> None:
        """Say that something is done that another member was given: it is refused, and stays as it was."""
        others = {place for other, held in self.holds.items() if other != member for place in held}
        if self.is_in(member) and others:
            topic, offset = data.draw(st.sampled_from(sorted(others)))
            self.heard[member] = self.scene.now
            row = [topic, offset, offset + 1]
            before = self.scene.positions()
            assert self.scene.settle(member, done=[row]) == [row]
            assert self.scene.positions() == before

    @rule(member=members, topic=st.sampled_from(TOPICS), offset=st.integers(0, 60))
    def settle_what_is_not_held(self, member: int, topic: str, offset: int) -> None:
        """Say that something is done that this member may not hold: then it is refused, unless it is settled."""
        if self.is_in(member) and (topic, offset) not in self.holds[member]:
            self.heard[member] = self.scene.now
            unheld = self.scene.settle(member, done=[[topic, offset, offset + 1]])
            if (topic, offset) in self.settled:
                assert unheld == []
            elif unheld == []:
                assert self.tries.get((topic, offset)) == TRIES_MAX  # it is a dead letter

    @rule(member=members)
    def ask_again(self, member: int) -> None:
        """Ask for what is held already."""
        if self.is_in(member) and self.holds[member]:
            self.heard[member] = self.scene.now
            rows = self.scene.lease(member, again=True)
            assert {(row[0], at) for row in rows for at in range(row[1], row[2])} == self.holds[member]

    @rule(member=members)
    def leave(self, member: int) -> None:
        """Take part no longer."""
        self.scene.ask(Leave(self.scene.number(), NAME, member))
        self.holds.pop(member, None)
        self.heard.pop(member, None)

    @rule(seconds=st.sampled_from([1, SECONDS // 2, SECONDS + 1]))
    def pass_time(self, seconds: int) -> None:
        """Let time pass, in which nobody says anything."""
        self.scene.now += seconds
        self.silence()

    def silence(self) -> None:
        """Give up those that were silent for too long."""
        self.scene.consuming.step()
        for member in [member for member, heard in self.heard.items() if self.scene.now - heard >= SECONDS]:
            del self.heard[member], self.holds[member]

    @rule()
    def restart(self) -> None:
        """Start the broker again: each member gets its time anew."""
        self.silence()
        self.scene.restart()
        self.heard = dict.fromkeys(self.heard, self.scene.now)

    @rule()
    def step(self) -> None:
        """Let the broker see to what time brings."""
        self.silence()

    @invariant()
    def what_is_open_is_bounded_and_told(self) -> None:
        """Hold the broker's numbers against its bounds."""
        if NAME not in {each.name for each in self.scene.consuming._registry.all}:
            return
        told = self.scene.positions()
        assert sum(row[2] for row in told.values()) <= OPEN_MAX
        for topic, (position, _, _) in told.items():
            assert all((topic, offset) in self.settled or self.tries[topic, offset] for offset in range(position))
        consumer = self.scene.consuming._registry.find(NAME)
        assert consumer.open == sum(place.open for place in consumer.places.values())

    def is_in(self, member: int) -> bool:
        """Whether a member takes part, by the model."""
        return member in self.heard


TestCrew = Crew.TestCase
TestCrew.settings = settings(max_examples=30, stateful_step_count=50, deadline=None)
