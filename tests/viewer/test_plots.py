"""A plot is a function of its window, however it came to it."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from bokeh.document import Document
from bokeh.document.events import ColumnDataChangedEvent, ColumnsStreamedEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from viewer.plots import MS_NS, Columns, CpuPlot, columns
from viewer.samples import SECOND_NS, SPAN_NS, Sample, Window, since

NOW = 1_800_000_000 * SECOND_NS


def run(start: int, count: int, value: float = 10.0) -> list[Sample]:
    return [Sample(NOW + (start + step) * SECOND_NS, value) for step in range(count)]


def shown(plot: CpuPlot) -> Columns:
    return cast("Columns", plot.source.data)


def test_points_are_the_samples() -> None:
    """Milliseconds and per cent, nothing in between where nothing is missing."""
    drawn = columns(run(0, 3))
    assert drawn["time"].tolist() == [NOW / MS_NS, NOW / MS_NS + 1000, NOW / MS_NS + 2000]
    assert drawn["value"].tolist() == drawn["fill"].tolist() == [10.0] * 3


def test_a_pause_breaks_the_line_and_empties_the_area() -> None:
    """The broken points stand between the samples around them."""
    drawn = columns(run(0, 30) + run(90, 30))
    assert [index for index, value in enumerate(drawn["value"]) if math.isnan(value)] == [30, 31]
    assert drawn["fill"][29:33].tolist() == [10.0, 0.0, 0.0, 10.0]
    assert np.all(np.diff(drawn["time"]) > 0)


def test_nothing_is_a_plot_too() -> None:
    """With no sample the axis still moves."""
    plot = CpuPlot()
    plot.update([], NOW)
    assert plot.span.end == NOW / MS_NS
    assert len(shown(plot)["time"]) == 0


def test_what_is_older_than_the_span_is_not_drawn() -> None:
    """Fifteen minutes, by the samples' own time."""
    plot = CpuPlot()
    plot.update([Sample(NOW - SPAN_NS - 1, 1.0), *run(0, 1)], NOW)
    assert shown(plot)["value"].tolist() == [10.0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(-1000, 30), max_size=6), st.integers(0, 120)), min_size=1, max_size=12))
def test_the_source_ends_in_the_window_whatever_came_in_which_order(turns: list[tuple[list[int], int]]) -> None:
    """Streamed, put in between or thrown away: as if drawn anew. What is before it is out of sight, or has no value."""
    plot, window, now = CpuPlot(), Window(), NOW
    for seconds, step in turns:
        now += step * SECOND_NS
        for second in seconds:
            window.add(Sample(now + second * SECOND_NS, 5.0))
        plot.update(window.all(), now)
        wanted = columns(since(window.all(), now - SPAN_NS))
        count = len(wanted["time"])
        for name in wanted:
            before = len(shown(plot)[name]) - count
            assert np.array_equal(shown(plot)[name][before:], wanted[name], equal_nan=True)
        seen = shown(plot)["time"][:before] >= (now - SPAN_NS) / MS_NS
        assert np.all(np.isnan(shown(plot)["value"][:before][seen]))


def test_only_what_is_new_is_sent() -> None:
    """A full window that moves by a second costs one point; one that stands still, none."""
    plot, document = CpuPlot(), Document()
    document.add_root(plot.root)
    plot.update(run(-900, 900), NOW)
    sent: list[object] = []
    document.on_change(sent.append)
    plot.update(run(-900, 901), NOW + SECOND_NS)
    plot.update(run(-900, 901), NOW + 2 * SECOND_NS)
    streamed = [event for event in sent if isinstance(event, ColumnsStreamedEvent)]
    assert [len(event.data["time"]) for event in streamed] == [1]
    assert not [event for event in sent if isinstance(event, ColumnDataChangedEvent)]
    assert len(shown(plot)["time"]) == 900
