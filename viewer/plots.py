"""A plot is a function of a window of samples: `source` is its data, `root` what is drawn, `update` shows a window.

Colours of axes, grid and text come from the page's style sheet (``--bk-…`` properties), so that they follow the
browser's light or dark scheme; those of the data are told here and suit both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CustomJSHover,
    CustomJSTickFormatter,
    HoverTool,
    Line,
    NoOverlap,
    Range1d,
)
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure
from numpy.typing import NDArray

from viewer.samples import SPAN_NS, Sample, silence_ns, since

Columns = dict[str, NDArray[np.float64]]

MS_NS = 1_000_000
HEIGHT = 300
DATA_COLOUR = "#3b82f6"


def columns(samples: Sequence[Sample]) -> Columns:
    """Return samples as Bokeh draws them: times in milliseconds, and a pause as points without a value at its two ends.

    The line breaks where a value is missing. An area does not, so `fill` is 0 there.
    """
    times = np.array([sample.time for sample in samples], dtype=np.int64)
    values = np.array([sample.value for sample in samples], dtype=np.float64)
    ends = np.flatnonzero(np.diff(times) > silence_ns(samples)) + 1
    times_ms = times / MS_NS
    pauses = np.column_stack((times_ms[ends - 1] + 1, times_ms[ends] - 1)).ravel()
    value = np.insert(values, np.repeat(ends, 2), np.nan)
    return {
        "time": np.insert(times_ms, np.repeat(ends, 2), pauses),
        "value": value,
        "fill": np.nan_to_num(value),
    }


class CpuPlot:
    """A node's CPU over the last minutes, 0 to 100 per cent."""

    def __init__(self) -> None:
        self.source = ColumnDataSource(dict(columns(())), name="cpu")
        self.span = Range1d(start=0, end=1)
        self.root = _figure(self.span)
        self.root.varea(x="time", y1=0, y2="fill", source=self.source, fill_color=DATA_COLOUR, fill_alpha=0.14)
        line = self.root.line(x="time", y="value", source=self.source, line_color=DATA_COLOUR, line_width=1.75)
        line.glyph.line_join = "round"
        self.root.add_tools(_hover(line))

    def update(self, samples: Sequence[Sample], now: int) -> None:
        """Show these samples, as far as they lie in the span that ends now."""
        self.span.update(start=(now - SPAN_NS) / MS_NS, end=now / MS_NS)
        self._show(columns(since(samples, now - SPAN_NS)))

    def _show(self, wanted: Columns) -> None:
        """Make the source end in what is wanted: by what is new, where that is enough, else whole."""
        total = len(wanted["time"])
        had = _overlap(cast("Columns", self.source.data), wanted)
        if had is None:
            self.source.data = dict(wanted)
        elif had < total:
            self.source.stream({name: values[had:] for name, values in wanted.items()}, rollover=total)


def _overlap(shown: Columns, wanted: Columns) -> int | None:
    """Return how many points at the end of what is shown begin what is wanted, or None where the two do not fit."""
    if not len(wanted["time"]):
        return None if len(shown["time"]) else 0
    at = int(np.searchsorted(shown["time"], wanted["time"][0]))
    count = len(shown["time"]) - at
    same = count and all(np.array_equal(shown[name][at:], wanted[name][:count], equal_nan=True) for name in wanted)
    return count if same else None


def _figure(span: Range1d) -> figure:
    root = figure(
        name="cpu_plot",
        height=HEIGHT,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_range=span,
        y_range=Range1d(start=-1, end=101),
        tools="",
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_alpha=0,
    )
    root.xaxis.formatter = CustomJSTickFormatter(code="return minimq.clock(tick)")
    root.yaxis.ticker = [0, 25, 50, 75, 100]
    root.yaxis.formatter = CustomJSTickFormatter(code="return `${tick} %`")
    root.xaxis.major_label_policy = NoOverlap(min_distance=16)
    root.xgrid.visible = False
    root.axis.axis_line_alpha = 0
    root.axis.major_tick_line_alpha = 0
    root.axis.minor_tick_line_alpha = 0
    return root


def _hover(line: GlyphRenderer[Line]) -> HoverTool:
    clock = CustomJSHover(code="return minimq.clock(value, true)")
    return HoverTool(
        renderers=[line],
        mode="vline",
        tooltips="@time{custom} · @value{0.0} %",
        formatters={"@time": clock},
        show_arrow=False,
    )
