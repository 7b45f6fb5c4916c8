"""``minimq capsule``: making one, and looking at one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mq.cli import options
from mq.cli.output import abandon_output
from mq.cli.points import parse_point
from mq.cli.progress import progress

if TYPE_CHECKING:
    from mq.capsule.check import Finding, Report
    from mq.capsule.labels import Lost, Row

WHOLE, DAMAGED, NOT_LOOKED = 0, 1, 2
TOPIC_FIELDS = ("topic", "first", "next", "records", "bytes", "oldest", "newest")
TIME_HELP = "a time (2026-11-24T03:12, 03:12) or so long ago (-15m)"

app = typer.Typer(
    help="Make a capsule, a file with a time range of many topics, or look at one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def make(
    patterns: Annotated[list[str], typer.Argument(metavar="PATTERN...", help="Which: topics, or patterns of them.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The file to make, as night.mq.")],
    start: Annotated[str, typer.Option("--from", metavar="TIME", help=f"What was appended since {TIME_HELP}.")],
    stop: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="And before this, in the same forms; or up to now.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    broker: options.Broker = options.BROKER,
    timeout: options.Timeout = options.TIMEOUT_S,
) -> None:
    """Put what a broker has of a time range into one file, to be looked at anywhere: minimq view FILE.

    \b
    minimq capsule make 'host/#' --from -15m -o night.mq
    minimq capsule make 'host/+/cpu' 'jobs/#' --from 03:10 --to 03:15 -o night.mq

    The file appears under its name when it is whole. What the journal could not give is noted in it, and said here.
    """
    from mq.capsule.draft import draft
    from mq.capsule.labels import About
    from mq.capsule.making import clock_of, plan
    from mq.capsule.making import make as write_capsule

    begin, end = _point(start, "--from"), _point(stop, "--to") if stop is not None else timedelta(0)
    with draft(output, force=force) as file, progress("capsule") as tell:
        now = clock_of(broker, timeout)
        about = About(patterns, _moment(begin, now), _moment(end, now), now)
        if about.start >= about.stop:
            raise typer.BadParameter("the range ends before it begins", param_hint="'--from', '--to'")
        parts = plan(broker, about, timeout)
        rows, lost = write_capsule(broker, parts, about, file.write, tell, timeout)
    for each in lost:
        typer.echo(f"minimq: {_lost_line(each)}", err=True)
    counted = f"topics {len(rows):,}, records {sum(row.records for row in rows):,}"
    typer.echo(f"{output}: {counted}, bytes {sum(row.bytes for row in rows):,}")


@app.command()
def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A capsule.")],
    as_json: options.Json = False,
) -> None:
    """List what is in a capsule, and check every byte of it; no broker is needed.

    \b
    minimq capsule show night.mq
    minimq capsule show night.mq --json | tail -1

    Exit code 0: all is whole. 1: there is damage, or the file ends too early, and each place is named; the rest can
    still be read. 2: it could not look, or the file is no capsule.

    With --json each topic is an object of the kind "topic": topic, first and next (offsets), records, bytes, oldest and
    newest (when its first and last record were appended, in ns). What the journal could not give when the capsule was
    made has the kind "damaged" or "trimmed": topic, first, next. What does not hold now has the kind "damage" or
    "torn": start and stop (bytes, stop excluded), topic, first and next (the offsets that are gone are first to
    next - 1; null where no records are), why. The last object has the kind "summary": whole, file, patterns, start,
    stop, made, topics, frames, records, bytes, damage and torn (how many findings).
    """
    from mq.capsule.check import check
    from mq.cli.render import printable
    from mq.errors import CapsuleUnusable

    try:
        with progress("capsule") as tell:
            report = check(file, tell)
        for line in _json_lines(report) if as_json else _lines(report):
            typer.echo(line)
    except (CapsuleUnusable, OSError) as error:  # a report that could not be written is as good as none
        if isinstance(error, OSError):
            abandon_output()
        typer.echo(f"minimq: {printable(str(error))}", err=True)
        raise typer.Exit(NOT_LOOKED) from None
    raise typer.Exit(WHOLE if report.whole else DAMAGED)


def _point(text: str, option: str) -> datetime | timedelta:
    """Read a time; many topics have no offset in common."""
    point = parse_point(text, option)
    if isinstance(point, int):
        raise typer.BadParameter(f"{text!r} is not {TIME_HELP}", param_hint=f"'{option}'")
    return point


def _moment(point: datetime | timedelta, now: int) -> int:
    """Return a time as ns since the Unix epoch, so long ago by the broker's clock."""
    from mq.client.replay import MICROSECOND, nanoseconds

    if isinstance(point, timedelta):
        return max(0, now - point // MICROSECOND * 1_000)
    return nanoseconds(point)


def _json_lines(report: Report) -> Iterator[str]:
    for row in report.rows:
        yield json.dumps({"kind": "topic", **{name: getattr(row, name) for name in TOPIC_FIELDS}})
    for lost in report.lost:
        yield json.dumps({"kind": lost.why, "topic": lost.topic, "first": lost.first, "next": lost.next})
    for finding in report.findings:
        yield json.dumps(finding._asdict())
    yield json.dumps(_summary(report))


def _summary(report: Report) -> dict[str, Any]:
    about = report.about._asdict() if report.about else dict.fromkeys(("patterns", "start", "stop", "made"))
    kinds = Counter(finding.kind for finding in report.findings)
    return {
        "kind": "summary",
        "whole": report.whole,
        "file": report.path,
        **about,
        "topics": len(report.rows),
        "frames": report.frames,
        "records": report.records,
        "bytes": report.bytes,
        "damage": kinds["damage"],
        "torn": kinds["torn"],
    }


def _lines(report: Report) -> Iterator[str]:
    from mq.cli.render import clock, printable

    if report.about is not None:
        start, stop, made = map(clock, report.about[1:])
        yield f"{start} to {stop} of {printable(' '.join(report.about.patterns))}, made {made}"
    yield from _table(report.rows)
    yield from map(_lost_line, report.lost)
    yield from map(_line, report.findings)
    count = len(report.findings)
    state = f"not whole, in {count:,} {'place' if count == 1 else 'places'}" if count else "whole"
    counted = f"topics {len(report.rows):,}, frames {report.frames:,}, records {report.records:,}"
    yield f"{printable(report.path)} is {state}: {counted}, bytes {report.bytes:,}"


def _table(rows: list[Row]) -> Iterator[str]:
    from mq.cli.render import clock

    width = max(len("TOPIC"), *(len(row.topic) for row in rows), 0)
    yield f"{'TOPIC':<{width}}  {'RECORDS':>12}  {'OFFSETS':>25}  {'BYTES':>14}  {'FIRST':<23}  LAST"
    for row in rows:
        offsets = f"{row.first} to {row.next - 1}" if row.records else "-"
        oldest, newest = (clock(time) if row.records else "-" for time in (row.oldest, row.newest))
        yield f"{row.topic:<{width}}  {row.records:>12,}  {offsets:>25}  {row.bytes:>14,}  {oldest:<23}  {newest}"


def _lost_line(lost: Lost) -> str:
    why = "were damaged in the journal" if lost.why == "damaged" else "were no longer kept"
    return f"{lost.topic}: offsets {lost.first} to {lost.next - 1} {why} when the capsule was made"


def _line(finding: Finding) -> str:
    place = f"{finding.kind}: bytes {finding.start} to {finding.stop - 1}"
    if finding.first is None or finding.next is None:
        return f"{place}: {finding.why}"
    return f"{place}, offsets {finding.first} to {finding.next - 1} of {finding.topic} are gone: {finding.why}"
