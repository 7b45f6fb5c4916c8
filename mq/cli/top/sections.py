"""What stands in each section: a name and its columns. Names are anybody's, and come out as plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mq.cli.render import printable
from mq.cli.top.amounts import UNKNOWN, count, lasting, lasting_ns, rate, size
from mq.cli.top.hosts import HostRow, Reading
from mq.cli.top.losses import Loss, counted, greatest_first
from mq.cli.top.picture import Known
from mq.cli.top.view import View

ROWS_MAX = 200
"""How many rows of a section are looked at: more than there are lines on a screen."""
NAME_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its name, its cells, and whether something is wrong with it."""

    name: str
    cells: Sequence[str]
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, the heads of its columns, of which the first matter most, and its rows."""

    title: str
    heads: Sequence[str]
    lines: Sequence[Line]


def sections(known: Known, view: View) -> list[Section]:
    """Return all sections, what matters most first. An empty one is none."""
    made = [make(known, view) for make in (_losses, _hosts, _topics, _consumers, _subscribers)]
    return [section for section in made if section.lines]


def plain(name: str) -> str:
    """Return a name as it may stand on somebody's terminal."""
    return printable(name[:NAME_CHARACTERS_MAX])


def _losses(known: Known, _: View) -> Section:
    lost = [Loss(each["lost"], "lost to a subscriber", each["name"]) for each in known.subscribers if each["lost"]]
    found = greatest_first([*counted(known.stats), *known.producers, *lost])[:ROWS_MAX]
    return Section("LOSSES", ["NUMBER", "MOST OF"], [_loss(each) for each in found])


def _loss(loss: Loss) -> Line:
    return Line(plain(loss.what), [count(loss.number), plain(loss.where)], wrong=True)


def _hosts(known: Known, view: View) -> Section:
    hosts = known.hosts
    part = f", {hosts.read} read" if hosts.read < len(hosts) else ""
    title = f"NODES {len(hosts):,}{part} by {view.hosts.value}"
    return Section(title, ["CPU", "MEM", "NET", "DISK", "STATE"], list(map(_host, hosts.first(view.hosts, ROWS_MAX))))


def _host(row: HostRow) -> Line:
    def said(metric: str, words: Callable[[float], str]) -> str:
        reading: Reading | None = row.readings.get(metric)
        return UNKNOWN if reading is None else words(reading.value)

    state = "live" if row.stale_ns is None else f"stale {lasting_ns(row.stale_ns)}"
    name = plain(row.name) if row.stale_ns is None else f"! {plain(row.name)}"
    cells = [said("cpu", _per_cent), said("mem", _per_cent), said("net", _bytes_s), said("disk", _per_cent), state]
    return Line(name, cells, wrong=row.stale_ns is not None)


def _topics(known: Known, view: View) -> Section:
    rows = known.topics.first(view.topics, ROWS_MAX)
    cells = [[rate(row.records_s), size(row.bytes_s, "/s"), size(row.size), count(row.kept)] for row in rows]
    title = f"TOPICS {len(known.topics.listed()):,} by {view.topics.value}"
    lines = [Line(plain(row.topic), each) for row, each in zip(rows, cells, strict=True)]
    return Section(title, ["RECORDS/S", "BYTES/S", "SIZE", "RECORDS"], lines)


def _consumers(known: Known, _: View) -> Section:
    rows = known.consumers[:ROWS_MAX]
    cells = [
        [count(row.lag), lasting(row.lag_s), count(row.members), count(row.open), count(row.topics)] for row in rows
    ]
    lines = [Line(plain(row.name), each) for row, each in zip(rows, cells, strict=True)]
    return Section(f"CONSUMERS {len(known.consumers):,}", ["LAG", "OLDEST", "MEMBERS", "OPEN", "TOPICS"], lines)


def _subscribers(known: Known, _: View) -> Section:
    rows = sorted(known.subscribers, key=lambda each: (-each["lag"], each["name"]))[:ROWS_MAX]
    lines = [
        Line(
            plain(each["name"]),
            [count(each["lag"]), each["state"], count(each["repaired"]), plain(each["patterns"])],
            wrong=each["state"] != "ok",
        )
        for each in rows
    ]
    return Section(f"SUBSCRIBERS {len(known.subscribers):,}", ["LAG", "STATE", "REPAIRED", "PATTERNS"], lines)


def _per_cent(value: float) -> str:
    return f"{value:.1f}%"


def _bytes_s(value: float) -> str:
    return size(value, "/s")
