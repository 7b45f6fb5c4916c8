"""A plot is a function of its window, however it came to it."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from bokeh.document import Document
from bokeh.document.events import ColumnDataChangedEvent, ColumnsStreamedEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.plots import MS_NS, TOP_MIN, Columns, MetricPlot, columns
from viewer.samples import SECOND_NS
from viewer.series import NO_POINTS, SPAN_NS, Points, Series

NOW = 1_800_000_000 * SECOND_NS


def points(start: int, count: int, value: float = 10.0) -> Points:
    times = NOW + (start + np.arange(count, dtype=np.int64)) * SECOND_NS
    return Points(times, np.full(count, value))


def both(first: Points, second: Points) -> Points:
    return Points(np.concatenate((first.times, second.times)), np.concatenate((first.values, second.values)))


def shown(plot: MetricPlot) -> Columns:
    return cast("Columns", plot.source.data)


def cpu_plot() -> MetricPlot:
    return MetricPlot("cpu", "points")


def test_points_are_the_samples() -> None:
    """Milliseconds and values, nothing in between where nothing is missing."""
    drawn = columns(points(0, 3))
    assert drawn["time"].tolist() == [NOW / MS_NS, NOW / MS_NS + 1000, NOW / MS_NS + 2000]
    assert drawn["value"].tolist() == drawn["fill"].tolist() == [10.0] * 3


def test_a_pause_breaks_the_line_and_empties_the_area() -> None:
    """The broken points stand between the samples around them."""
    drawn = columns(both(points(0, 30), points(90, 30)))
    assert [index for index, value in enumerate(drawn["value"]) if math.isnan(value)] == [30, 31]
    assert drawn["fill"][29:33].tolist() == [10.0, 0.0, 0.0, 10.0]
    assert np.all(np.diff(drawn["time"]) > 0)


def test_nothing_is_a_plot_too() -> None:
    """With no sample the axis still moves, and what was there before is gone."""
    plot = cpu_plot()
    plot.update(points(0, 3), NOW)
    plot.update(NO_POINTS, NOW + SECOND_NS)
    assert plot.span.end == (NOW + SECOND_NS) / MS_NS
    assert len(shown(plot)["time"]) == 0


def test_a_share_stands_between_nothing_and_all_and_a_rate_under_its_highest() -> None:
    """An idle network is not blown up to look busy."""
    share, rate = cpu_plot(), MetricPlot("net", "points")
    share.update(points(0, 3, 7.0), NOW)
    assert (share.height.start, share.height.end) == (-1, 101)
    rate.update(points(0, 3, 1e6), NOW)
    assert 1e6 < cast("float", rate.height.end) < 1.2e6
    rate.update(points(0, 3, 1.0), NOW)
    assert TOP_MIN < cast("float", rate.height.end) < 1.1 * TOP_MIN


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(-1000, 30), max_size=6), st.integers(0, 120)), min_size=1, max_size=12))
def test_the_source_ends_in_the_window_whatever_came_in_which_order(turns: list[tuple[list[int], int]]) -> None:
    """Streamed, put in between or thrown away: as if drawn anew. What is before it is out of sight, or has no value."""
    plot, series, now = cpu_plot(), Series(), NOW
    for seconds, step in turns:
        now += step * SECOND_NS
        for second in seconds:
            series.add(now + second * SECOND_NS, 5.0)
        window = series.points(now - SPAN_NS, now)
        plot.update(window, now)
        wanted = columns(window)
        count = len(wanted["time"])
        for name in wanted:
            before = len(shown(plot)[name]) - count
            assert np.array_equal(shown(plot)[name][before:], wanted[name], equal_nan=True)
        seen = shown(plot)["time"][:before] >= (now - SPAN_NS) / MS_NS
        assert np.all(np.isnan(shown(plot)["value"][:before][seen]))


def test_only_what_is_new_is_sent() -> None:
    """A full window that moves by a second costs one point; one that stands still, none."""
    plot, document = cpu_plot(), Document()
    document.add_root(plot.root)
    plot.update(points(-900, 900), NOW)
    sent: list[object] = []
    document.on_change(sent.append)
    plot.update(points(-899, 900), NOW + SECOND_NS)
    plot.update(points(-898, 899), NOW + 2 * SECOND_NS)
    streamed = [event for event in sent if isinstance(event, ColumnsStreamedEvent)]
    assert [len(event.data["time"]) for event in streamed] == [1]
    assert not [event for event in sent if isinstance(event, ColumnDataChangedEvent)]
    assert len(shown(plot)["time"]) == 900
