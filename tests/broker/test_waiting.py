"""What waits on control: each client in its order, all in turns, and always room for one more."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.broker.intake import Change
from mq.broker.waiting import FRAME_OVERHEAD_BYTES, QUANTUM_BYTES, Waiting, weight
from mq.protocol import Delete

KIB = 1024
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from([b"a", b"b", b"c"]), st.integers(1, 40 * KIB)),
        st.tuples(st.just("change"), st.sampled_from([b"a", b"b", b"c"]), st.just(0)),
        st.tuples(st.just("take"), st.just(b""), st.integers(1, 8)),
        st.tuples(st.just("done"), st.just(b""), st.just(0)),
    ),
    max_size=80,
)


@given(STEPS)
def test_each_clients_order_is_kept_what_is_held_is_bounded_and_nothing_goes(  # noqa: C901 - a step of each kind
    steps: list[tuple[str, bytes, int]],
) -> None:
    waiting = Waiting(100 * KIB)
    sent: dict[bytes, list[object]] = defaultdict(list)
    came: dict[bytes, list[object]] = defaultdict(list)
    under_way: list[int] = []

    def take(frames: int) -> None:
        turn = waiting.take(frames, 30 * KIB)
        assert len(turn.produced) <= frames
        assert turn.weight == sum(weight(frame) for _, frame in turn.produced)
        under_way.append(turn.weight)
        changes = list(turn.changes)
        for place, (client, frame) in enumerate(turn.produced):
            while changes and changes[0].place <= place:
                came[changes[0].client].append(changes.pop(0).request)
            came[client].append(frame)
        for change in changes:
            came[change.client].append(change.request)

    for number, (what, client, size) in enumerate(steps):
        if what == "put":
            frame = b"%d " % number + bytes(size)
            if waiting.put(client, frame):
                sent[client].append(frame)
        elif what == "change":
            request = Delete(number, ["t"])
            waiting.put_change(Change(0, client, request))
            sent[client].append(request)
        elif what == "take":
            take(size)
        elif under_way:
            waiting.done(under_way.pop(0))
        assert waiting.held <= 100 * KIB
    while waiting:
        take(8)
    for size in under_way:
        waiting.done(size)
    assert came == sent
    assert (waiting.held, waiting.changes) == (0, 0)


@pytest.mark.parametrize("floods", [1, 3, 10])
def test_whoever_floods_there_is_room_for_who_comes_next_in_the_next_turn(floods: int) -> None:
    waiting = Waiting(4 << 20)
    taken = dict.fromkeys(range(floods), 0)
    for _ in range(10_000):
        for client in taken:
            taken[client] += waiting.put(b"%d" % client, bytes(KIB))
    assert waiting.held < (4 << 20) * (floods / (floods + 1) + 0.01)
    assert max(taken.values()) <= 2 * min(taken.values())
    assert waiting.put(b"next", b"one")
    turn = waiting.take(100_000, (floods + 1) * QUANTUM_BYTES)
    assert (b"next", b"one") in turn.produced


def test_a_frame_as_large_as_the_memory_is_taken_when_nothing_else_is_held() -> None:
    waiting = Waiting(1 << 20)
    assert waiting.put(b"a", bytes(1 << 20))
    assert not waiting.put(b"b", b"x")
    waiting.done(waiting.take(9, 9).weight)
    assert waiting.put(b"b", b"x")
    assert waiting.held == 1 + FRAME_OVERHEAD_BYTES
