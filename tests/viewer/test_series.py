"""Values in the order of their own time, however they arrive."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from viewer.samples import SECOND_NS
from viewer.series import SILENT_NS_MIN, Run, Series, silence_ns

NOW = 1_800_000_000 * SECOND_NS


def series_of(*seconds: int) -> Series:
    series = Series()
    for second in seconds:
        series.add(NOW + second * SECOND_NS, float(second))
    return series


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 100))), st.integers(1, 20))
def test_it_is_in_order_and_bounded_whatever_arrives(arrivals: list[tuple[int, float]], limit: int) -> None:
    """The newest stay, each time once, the last word about it counting."""
    series, model = Series(limit), dict[int, float]()
    for time, value in arrivals:
        series.add(time, value)
        model[time] = value
        for oldest in sorted(model)[:-limit]:
            del model[oldest]
    times, values = series.points(0, 40)
    assert list(zip(times.tolist(), values.tolist(), strict=True)) == sorted(model.items())
    assert series.version == len(arrivals)


@given(st.lists(st.integers(0, 40)), st.integers(0, 40), st.integers(0, 40))
def test_what_is_kept_is_what_lies_within(times: list[int], start: int, end: int) -> None:
    """Both ends included."""
    series = Series()
    for time in times:
        series.add(time, 1.0)
    series.keep(start, end)
    assert series.points(0, 40).times.tolist() == sorted({time for time in times if start <= time <= end})


def test_points_are_a_copy() -> None:
    """Drawing goes on while samples arrive."""
    series = series_of(1, 2)
    points = series.points(0, 2 * NOW)
    series.add(NOW, 0.0)
    assert len(points.times) == 2


def test_three_usual_steps_are_a_silence() -> None:
    """A collector of five seconds may pause for fifteen; one of a second for five, since anything may take that."""
    assert silence_ns(np.arange(10) * 5 * SECOND_NS) == 15 * SECOND_NS
    assert silence_ns(np.arange(10) * SECOND_NS) == SILENT_NS_MIN
    assert silence_ns(np.array([NOW])) == SILENT_NS_MIN


def test_a_run_begins_after_the_last_pause() -> None:
    """Or with the first of all, and then nobody knows what was before."""
    assert series_of(*range(10)).rhythm() == (SILENT_NS_MIN, Run(NOW, after_pause=False))
    assert series_of(*range(10), *range(60, 70)).rhythm()[1] == Run(NOW + 60 * SECOND_NS, after_pause=True)
    assert Series().rhythm() == (SILENT_NS_MIN, None)
