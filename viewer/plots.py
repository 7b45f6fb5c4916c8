"""A plot is a function of a window of points: `source` is its data, `root` what is drawn, `update` shows a window.

Colours of axes, grid and text come from the page's style sheet (``--bk-…`` properties), so that they follow the
browser's light or dark scheme; those of the data are told here and suit both.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    CustomJSHover,
    CustomJSTickFormatter,
    DatetimeTicker,
    HoverTool,
    Line,
    NoOverlap,
    Range1d,
)
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure
from numpy.typing import NDArray

from viewer.series import LIVE, NO_POINTS, SILENT_NS_MIN, Points, Scope, silence_ns

Columns = dict[str, NDArray[np.float64]]

MS_NS = 1_000_000
HEIGHT = 150


class Look(NamedTuple):
    """How a metric is drawn: a colour, the script's function that writes its values, and the top where it is fixed."""

    colour: str
    writer: str
    top: float | None


LOOKS = {
    "cpu": Look("#3b82f6", "percent", 100.0),
    "mem": Look("#8b5cf6", "percent", 100.0),
    "disk": Look("#d97706", "percent", 100.0),
    "net": Look("#0d9488", "rate", None),
}
TOP_MIN = 1024.0
TOP_SLACK = 1.1
MARGIN = 0.01


def columns(points: Points, pause_ns_min: int = SILENT_NS_MIN) -> Columns:
    """Return points as Bokeh draws them: times in ms, and a pause as points without a value at its two ends.

    The line breaks where a value is missing. An area does not, so `fill` is 0 there.
    """
    times, values = points
    ends = np.flatnonzero(np.diff(times) > silence_ns(times, pause_ns_min)) + 1
    times_ms = times / MS_NS
    pauses = np.column_stack((times_ms[ends - 1] + 1, times_ms[ends] - 1)).ravel()
    value = np.insert(values, np.repeat(ends, 2), np.nan)
    return {
        "time": np.insert(times_ms, np.repeat(ends, 2), pauses),
        "value": value,
        "fill": np.nan_to_num(value),
    }


class MetricPlot:
    """One metric of one node over a span of time. `name` is that of its source, for whoever looks for it."""

    def __init__(self, metric: str, name: str, scope: Scope = LIVE) -> None:
        self._look, self._scope = LOOKS[metric], scope
        self.source = ColumnDataSource(dict(columns(NO_POINTS)), name=name)
        self.span = Range1d(start=0, end=1)
        self.height = Range1d(start=0, end=1)
        self._raise_to(self._look.top or TOP_MIN)
        self.root = _figure(self.span, self.height, self._look)
        colour = self._look.colour
        self.root.varea(x="time", y1=0, y2="fill", source=self.source, fill_color=colour, fill_alpha=0.14)
        line = self.root.line(x="time", y="value", source=self.source, line_color=colour, line_width=1.75)
        line.glyph.line_join = "round"
        self.root.add_tools(_hover(line, self._look))

    def update(self, points: Points, now: int) -> None:
        """Show these points, in the span that ends now."""
        first, last = now - self._scope.span_ns, now
        if self._scope.still:
            first, last = int(points.times.min(initial=first)), int(points.times.max(initial=last))
        self.span.update(start=first / MS_NS, end=last / MS_NS)
        if self._look.top is None:
            self._raise_to(max(TOP_MIN, TOP_SLACK * points.values.max(initial=0.0)))
        self._show(columns(points, self._scope.pause_ns_min))

    def _raise_to(self, top: float) -> None:
        self.height.update(start=-MARGIN * top, end=(1 + MARGIN) * top)

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


def _figure(span: Range1d, height: Range1d, look: Look) -> figure:
    root = figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_range=span,
        y_range=height,
        tools="",
        toolbar_location=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_alpha=0,
        min_border_left=52,
    )
    root.xaxis.formatter = CustomJSTickFormatter(code="return minimq.clock(tick)")
    root.yaxis.formatter = CustomJSTickFormatter(code=f"return minimq.{look.writer}(tick)")
    root.yaxis.ticker = [0, look.top / 2, look.top] if look.top else BasicTicker(desired_num_ticks=3, base=1024)
    root.xaxis.ticker = DatetimeTicker(desired_num_ticks=4)
    root.xaxis.major_label_policy = NoOverlap(min_distance=16)
    root.xgrid.visible = False
    root.axis.axis_line_alpha = 0
    root.axis.major_tick_line_alpha = 0
    root.axis.minor_tick_line_alpha = 0
    return root


def _hover(line: GlyphRenderer[Line], look: Look) -> HoverTool:
    return HoverTool(
        renderers=[line],
        mode="vline",
        tooltips="@time{custom} · @value{custom}",
        formatters={
            "@time": CustomJSHover(code="return minimq.clock(value, true)"),
            "@value": CustomJSHover(code=f"return minimq.{look.writer}(value, true)"),
        },
        show_arrow=False,
    )
