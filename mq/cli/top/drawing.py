"""A picture as lines of a terminal: each is one line exactly, so that what was counted on fits."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mq.cli.top import fitting
from mq.cli.top.amounts import lasting, rate, size
from mq.cli.top.picture import Known, Picture
from mq.cli.top.sections import Line, Section, plain, sections
from mq.cli.top.view import KEYS, View

SILENT_S = 2.0
SECOND_NS = 1_000_000_000
TEXT_WIDTH_MAX = 40
NAME_WIDTH_MIN, NAME_WIDTH = 22, 48
"""The least that a column makes room for, and what names have where there is room: so that nothing jumps."""
GAP = 2
AIRY_LINES = 30
"""With so many lines there is an empty one before each section."""
HELP = """
In and out are per second, between the broker's last two answers. Bytes in are appended; bytes out are sent once for all
subscribers. A topic's rates are over some three seconds; of one that is not shown, over the time from one list of all
topics to the next. Lag is in records; oldest is how long ago the first record that waits was appended. A node is stale,
and has a ! before it, when it has been silent for three of its intervals. Losses are counted since the broker began.
"""


def draw(picture: Picture, view: View, width: int, lines: int, now: float) -> RenderableType:
    """Return the whole screen."""
    head = list(_head(picture, width, now))
    foot = _foot(view, width)
    room = lines - len(head) - 1
    body = _help(width, room) if view.help else _body(picture.known, view, width, room, 1 if lines >= AIRY_LINES else 0)
    used = sum(each.row_count + 1 if isinstance(each, Table) else 1 for each in body)
    return Group(*head, *body, *[Text()] * (room - used), foot)


def snapshot(picture: Picture, view: View, width: int, rows: int, now: float) -> RenderableType:
    """Return what is known now, of each section so many rows, for paper as it were."""
    body: list[RenderableType] = []
    for section in sections(picture.known, view):
        body += [Text(), _table(section, min(rows, len(section.lines)), width)]
    return Group(*_head(picture, width, now), *body)


def _head(picture: Picture, width: int, now: float) -> Iterator[Text]:
    known = picture.known
    silent = picture.silent_s(now)
    if silent > SILENT_S:
        since = "" if known.epoch < 0 else "; this is of before"
        words = f"no answer for {silent:.0f} s from {plain(picture.broker)}, trying on{since}"
        yield _line(words, width, "bold reverse")
    else:
        clock = datetime.now().astimezone().strftime("%H:%M:%S")
        parts = [plain(picture.broker), _up(known), clock, plain(known.version)]
        yield _line(fitting.parts_that_fit(width, list(filter(None, parts)), "  "), width, "bold")
    yield _line(fitting.parts_that_fit(width, _flow(known), "  "), width)
    yield _line(fitting.parts_that_fit(width, _state(known), "  "), width)
    for look, why in picture.refused.items():
        yield _line(f"{look}: {plain(why)}", width, "bold")


def _up(known: Known) -> str:
    uptime_s, time = known.own.get("uptime_s"), known.own.get("time")
    if not isinstance(uptime_s, (int, float)) or not isinstance(time, int):
        return ""
    try:
        began = datetime.fromtimestamp(time / SECOND_NS - uptime_s).astimezone()
    except (ValueError, OverflowError, OSError):
        return ""
    return (
        f"up since {began:%d %b %H:%M:%S}, {lasting(max(0.0, (datetime.now().astimezone() - began).total_seconds()))}"
    )


def _flow(known: Known) -> list[str]:
    rates = known.meter.rates
    taken = f"in {rate(rates.get('records_appended'))} rec/s {size(rates.get('bytes_appended'), '/s')}"
    sent = f"out {rate(rates.get('frames_forwarded'))} frames/s {size(rates.get('bytes_forwarded'), '/s')}"
    return [taken, sent, f"{rate(rates.get('frames_received'))} frames/s received"]


def _state(known: Known) -> list[str]:
    topics = "" if known.swept_s is None else f"{size(known.topics.size())} in {len(known.topics):,} topics"
    free = known.own.get("disk_free_bytes")
    low = "LOW DISK, " if known.own.get("disk_low") else ""
    disk = f"{low}{size(free)} free" if isinstance(free, int) and free >= 0 else ""
    listening = f"{len(known.subscribers):,} subscriber{'s' * (len(known.subscribers) != 1)}"
    return [part for part in (topics, f"{rate(known.meter.rates.get('syncs'))} syncs/s", listening, disk) if part]


def _foot(view: View, width: int) -> Text:
    parts = [f"{key} {what}" for key, what in KEYS]
    return _line(fitting.parts_that_fit(width, ["PAUSED", *parts] if view.paused else parts, "  "), width, "reverse")


def _help(width: int, room: int) -> list[RenderableType]:
    keys = [f"{key}  {what}" for key, what in KEYS]
    wrapped = map(Text, textwrap.wrap(" ".join(HELP.split()), width))
    explained: list[RenderableType] = [Text(), *map(Text, keys), Text(), *wrapped]
    return explained[: max(0, room)]


def _body(known: Known, view: View, width: int, room: int, gap: int) -> list[RenderableType]:
    found = sections(known, view)
    body: list[RenderableType] = []
    given = fitting.rows_that_fit(room, [len(section.lines) for section in found], gap)
    for section, rows in zip(found, given, strict=True):
        if rows:
            body += [*[Text()] * gap, _table(section, rows, width)]
    return body


def _table(section: Section, rows: int, width: int) -> Table:
    """Return a section's first rows, with as many of its columns as fit."""
    lines = section.lines[:rows]
    columns = zip_longest(section.heads, *(line.cells for line in lines), fillvalue="")
    widths = [min(TEXT_WIDTH_MAX, max(map(cell_len, column))) for column in columns]
    count = fitting.columns_that_fit(width, max(NAME_WIDTH_MIN, cell_len(section.title)), widths, GAP)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    longest = max(NAME_WIDTH, cell_len(section.title), *(cell_len(line.name) for line in lines))
    name = min(longest, max(1, width - sum(each + GAP for each in widths[:count])))
    table.add_column(Text(section.title), no_wrap=True, overflow="ellipsis", width=name)
    for head, each in list(zip(section.heads, widths, strict=True))[:count]:
        table.add_column(Text(head), no_wrap=True, overflow="ellipsis", width=each, justify="right")
    for line in lines:
        table.add_row(*_cells(line, count), style="red" if line.wrong else "")
    return table


def _cells(line: Line, count: int) -> Iterator[Text]:
    yield Text(line.name)
    yield from map(Text, line.cells[:count])


def _line(words: str, width: int, style: str = "") -> Text:
    """Return one line, filled or cut."""
    text = Text(words, style=style, no_wrap=True, overflow="ellipsis")
    text.truncate(width, overflow="ellipsis", pad="reverse" in style)
    return text
