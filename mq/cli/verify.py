"""``minimq verify``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mq.cli import options
from mq.cli.output import abandon_output
from mq.cli.progress import progress

if TYPE_CHECKING:
    from mq.journal.report import Finding, Report

WHOLE, DAMAGED, NOT_LOOKED = 0, 1, 2
COUNTED = ("topics", "segments", "frames", "records", "bytes")


def verify(
    data: Annotated[str, typer.Argument(metavar="DIR", help="A data directory, as given to the broker with --data.")],
    as_json: options.Json = False,
) -> None:
    """Check every byte of a data directory; no broker is needed, one at work there does no harm.

    \b
    minimq verify data
    minimq verify data --json | tail -1

    Exit code 0: all is whole; a torn tail (a last write cut short, which nobody was promised) is named, and still 0.
    1: there is damage, and each place of it is named. 2: it could not look.

    With --json each finding is an object: kind ("damage" or "torn"), path, start and stop (bytes, stop excluded), first
    and next (the offsets that are gone are first to next - 1; next is null for a torn tail, both are for a file that is
    no log), why. The last object has the kind "summary": whole, data, epoch, busy (a broker is at work there), topics,
    segments, frames, records, bytes, damage and torn (how many findings), notes (path and why of each).
    """
    from mq.cli.render import printable
    from mq.errors import JournalError
    from mq.journal.verify import verify as look

    try:
        with progress("verify") as tell:
            report = look(data, progress=tell)
        for line in _json_lines(report) if as_json else _lines(report):
            typer.echo(line)
    except (JournalError, OSError) as error:  # a report that could not be written is as good as none
        if isinstance(error, OSError):
            abandon_output()
        typer.echo(f"minimq: {printable(str(error))}", err=True)
        raise typer.Exit(NOT_LOOKED) from None
    raise typer.Exit(WHOLE if report.whole else DAMAGED)


def _json_lines(report: Report) -> Iterator[str]:
    for finding in report.findings:
        yield json.dumps(finding._asdict())
    yield json.dumps(_summary(report))


def _summary(report: Report) -> dict[str, Any]:
    counted = {name: getattr(report, name) for name in COUNTED}
    return {
        "kind": "summary",
        "whole": report.whole,
        "data": report.data,
        "epoch": report.epoch,
        "busy": report.busy,
        **counted,
        "damage": _count(report, "damage"),
        "torn": _count(report, "torn"),
        "notes": [note._asdict() for note in report.notes],
    }


def _lines(report: Report) -> Iterator[str]:
    for finding in report.findings:
        yield _line(finding)
    for note in report.notes:
        yield f"note: {note.path}: {note.why}"
    state = "whole" if report.whole else f"damaged in {_places(report, 'damage')}"
    torn = f", torn in {_places(report, 'torn')}" if _count(report, "torn") else ""
    counted = ", ".join(f"{name} {getattr(report, name):,}" for name in COUNTED)
    yield f"{report.data} is {state}{torn}: {counted}"


def _line(finding: Finding) -> str:
    place = f"{finding.kind}: {finding.path}: bytes {finding.start} to {finding.stop}"
    if finding.first is None:
        return f"{place}: {finding.why}"
    if finding.next is None:
        return f"{place}, nothing before offset {finding.first} is touched: {finding.why}"
    if finding.next == finding.first:
        return f"{place}, no offsets are gone: {finding.why}"
    return f"{place}, offsets {finding.first} to {finding.next - 1} are gone: {finding.why}"


def _places(report: Report, kind: str) -> str:
    count = _count(report, kind)
    return "1 place" if count == 1 else f"{count:,} places"


def _count(report: Report, kind: str) -> int:
    return sum(finding.kind == kind for finding in report.findings)
