"""What waits for a broker: the newest, in order, within bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collectors.backlog import Backlog, Sample

BODIES = st.lists(st.binary(max_size=30), max_size=60)


@given(bodies=BODIES, samples_max=st.integers(1, 20), bytes_max=st.integers(0, 200))
def test_the_newest_are_kept_and_every_other_is_given_up_once(
    bodies: list[bytes], samples_max: int, bytes_max: int
) -> None:
    backlog = Backlog(samples_max, bytes_max)
    samples = [Sample("t", body, number) for number, body in enumerate(bodies)]
    given_up = [lost for sample in samples for lost in backlog.add(sample)]
    kept = [backlog.take() for _ in range(len(backlog))]
    assert given_up + kept == samples
    assert len(kept) <= samples_max
    assert sum(len(sample.body) for sample in kept) <= bytes_max
    assert not backlog


@given(bodies=BODIES)
def test_what_there_is_room_for_is_not_given_up(bodies: list[bytes]) -> None:
    backlog = Backlog(60, 60 * 30)
    assert not [lost for body in bodies for lost in backlog.add(Sample("t", body, 0))]
    assert len(backlog) == len(bodies)
