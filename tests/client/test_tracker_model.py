"""A tracker against an abstract broker in which everything that can go wrong does, in any order.

Live frames are lost and late, answers come in slices of which some are dropped, questions are refused or die with the
connection, the broker is started again, and sometimes has lost the end of its log by then. Whatever happens: offsets
are handed out densely, in order and once, but where a `Rewound` says from where on all is new; and when all has become
quiet, what was handed out is the log.
"""

from __future__ import annotations

from collections import deque

from client_kit import stamped
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mq.client.cursor import Wish
from mq.client.message import Batch
from mq.client.tracker import Tracker
from mq.errors import MqError, Refused, Rewound
from mq.frame import parse
from mq.protocol import Frames
from mq.topic import Pattern

TOPICS = ["t/a", "t/b"]
QUIET_ROUNDS = 6
STEPS_TO_QUIET_MAX = 500


class Log:
    """A topic as the journal holds it: frames one after another, and their records."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def records(self) -> list[bytes]:
        """Return the records, in order."""
        return [record for data in self.frames for record in parse(data).records()]

    def end(self) -> tuple[int, int]:
        """Return the next offset, and the epoch of the record before it."""
        if not self.frames:
            return 0, 0
        header = parse(self.frames[-1]).header
        return header.next_offset, header.epoch

    def epoch_before(self, offset: int) -> int | None:
        """Return the epoch of the record before this offset."""
        for data in self.frames:
            header = parse(data).header
            if header.offset < offset <= header.next_offset:
                return header.epoch
        return None

    def first_after(self, epoch: int) -> int:
        """Return the first offset of a later epoch, the end when there is none."""
        for data in self.frames:
            header = parse(data).header
            if header.epoch > epoch:
                return header.offset
        return self.end()[0]


class Subscription(RuleBasedStateMachine):
    """The broker, the wires and the subscriber around a tracker."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, Log] = {}
        self.epoch = 1
        self.number = 0
        self.live: deque[bytes] = deque()
        self.asked: Wish | None = None
        self.answers: deque[Frames | MqError] = deque()
        self.heads: list[tuple[str, int, int]] | None = None
        self.tracker = Tracker([Pattern.parse("t/#")], 0)
        self.had: dict[str, list[bytes]] = {}

    # The broker.

    @rule(
        topic=st.sampled_from(TOPICS), counts=st.lists(st.integers(1, 3), min_size=1, max_size=4), heard=st.booleans()
    )
    def append(self, topic: str, counts: list[int], heard: bool) -> None:
        """Append frames of so many records; they go out live, or are lost there."""
        log = self.logs.setdefault(topic, Log())
        for count in counts:
            records = [b"%d" % (self.number + each) for each in range(count)]
            self.number += count
            log.frames.append(stamped(topic, *records, offset=log.end()[0], epoch=self.epoch))
            if heard:
                self.live.append(log.frames[-1])

    @rule(lost=st.integers(0, 4), topic=st.sampled_from(TOPICS))
    def start_again(self, lost: int, topic: str) -> None:
        """Start the broker again; with a power loss, the last frames of a topic are gone."""
        self.epoch += 1
        log = self.logs.get(topic)
        if log is not None and lost:
            del log.frames[-lost:]
            if not log.frames:
                del self.logs[topic]
        self.connect_anew()

    @precondition(lambda self: self.asked is not None and not self.answers)
    @rule(sizes=st.lists(st.integers(1, 2), min_size=2, max_size=4))
    def answer(self, sizes: list[int]) -> None:
        """Answer the fetch, in slices of so many frames."""
        assert self.asked is not None
        self.answers.extend(self.read(self.asked, sizes))

    def read(self, wish: Wish, sizes: list[int]) -> list[Frames | MqError]:
        """Return what a broker answers to a fetch."""
        log, offset = self.logs.get(wish.topic, Log()), wish.offset or 0
        end, last = log.end()
        known = wish.epoch is not None and offset > 0
        if offset > end or (known and log.epoch_before(offset) != wish.epoch):
            agreed = log.first_after(wish.epoch) if wish.epoch is not None else end
            return [Rewound(wish.topic, offset, min(offset, agreed, end))]
        due = [data for data in log.frames if parse(data).header.next_offset > offset]
        slices: list[Frames | MqError] = []
        for place, size in enumerate(sizes):
            part, due = due[:size], due[size:]
            after = parse(part[-1]).header if part else None
            position = (after.next_offset, after.epoch) if after else (offset, log.epoch_before(offset) or last)
            more = bool(due) and place + 1 < len(sizes)
            slices.append(Frames(1, wish.topic, b"".join(part), *position, end, more))
            if not more:
                return slices
            offset = position[0]
        return slices

    @precondition(lambda self: self.asked is not None and not self.answers)
    @rule(reason=st.sampled_from(["busy", "failed"]))
    def refuse(self, reason: str) -> None:
        """Refuse the fetch."""
        self.answers.append(Refused(reason))

    # The wires.

    @precondition(lambda self: self.live)
    @rule()
    def hear(self) -> None:
        """Let the next live frame arrive."""
        self.tracker.on_live(parse(self.live.popleft()))

    @precondition(lambda self: self.live)
    @rule(number=st.integers(1, 5))
    def lose_live(self, number: int) -> None:
        """Lose live frames on their way."""
        for _ in range(min(number, len(self.live))):
            self.live.popleft()

    @precondition(lambda self: self.answers)
    @rule()
    def receive(self) -> None:
        """Let the next answer arrive."""
        answer = self.answers.popleft()
        if isinstance(answer, MqError):
            self.asked = None
            self.tracker.on_failure(answer)
            if isinstance(answer, Rewound):
                self.live.clear()  # the subscriber listens on a new connection then
            return
        if not self.tracker.on_frames(answer):
            self.answers.clear()
            self.asked = None
        elif not answer.more:
            self.asked = None

    @precondition(lambda self: len(self.answers) > 1)
    @rule()
    def drop_answer(self) -> None:
        """Drop a slice for want of room, as a broker does."""
        self.answers.popleft()

    @rule()
    def connect_anew(self) -> None:
        """Lose all questions and answers with the connection, and ask for all ends."""
        self.asked, self.heads = None, None
        self.answers.clear()
        self.tracker.on_reconnect()
        self.ask_heads()

    # The subscriber.

    @precondition(lambda self: self.asked is None)
    @rule()
    def ask(self) -> None:
        """Ask what the tracker wishes."""
        self.asked = self.tracker.wish()

    @rule()
    def ask_heads(self) -> None:
        """Ask for the ends, which are those of this moment."""
        self.tracker.look_again()
        self.heads = [(topic, *log.end()) for topic, log in sorted(self.logs.items())]

    @precondition(lambda self: self.heads is not None)
    @rule()
    def receive_heads(self) -> None:
        """Let the ends arrive, late perhaps."""
        heads, self.heads = self.heads, None
        assert heads is not None
        self.tracker.on_heads(heads, complete=True)

    @invariant()
    def handed_out_densely_and_once(self) -> None:
        """Take what is ready, and hold it against what was had."""
        while self.tracker.ready:
            found = self.tracker.ready.popleft()
            if isinstance(found, Batch):
                had = self.had.setdefault(found.topic, [])
                assert found.offset == len(had), "a hole, or something twice"
                had += found.records
            elif isinstance(found, Rewound):
                had = self.had.setdefault(found.topic, [])
                assert found.end <= len(had)
                del had[found.end :]
            else:
                assert isinstance(found, Refused)
                assert found.reason == "failed"

    def teardown(self) -> None:
        """Let all become quiet; then what was handed out is the log."""
        while self.live:
            self.hear()
        for _ in range(QUIET_ROUNDS):
            self.connect_anew()
            self.receive_heads()
            for _ in range(STEPS_TO_QUIET_MAX):
                if self.asked is None:
                    self.ask()
                if self.asked is None:
                    break
                if not self.answers:
                    self.answers.extend(self.read(self.asked, [100]))
                self.receive()
            else:
                raise AssertionError("it never becomes quiet")
            self.handed_out_densely_and_once()
        found = {topic: records for topic, records in self.had.items() if records}
        assert found == {topic: log.records() for topic, log in self.logs.items()}


Subscription.TestCase.settings = settings(
    max_examples=300, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestSubscription = Subscription.TestCase
