"""``minimq repair``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mq.cli import options
from mq.cli.output import abandon_output
from mq.cli.progress import progress

if TYPE_CHECKING:
    from mq.journal.repair import Repair
    from mq.journal.steps import RepairPlan

DONE, NOT_DONE, NOT_POSSIBLE = 0, 1, 2


def repair(
    data: Annotated[str, typer.Argument(metavar="DIR", help="A data directory that no broker is at work in.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it at once, without asking.")] = False,
    as_json: options.Json = False,
) -> None:
    """Say what there is to mend in a data directory, and then do it: what a broker's start does, and a little more.

    \b
    minimq repair data
    minimq repair data --yes

    Torn tails are cut (a copy of each is kept in quarantine/), marks, indexes and the file "journal" that do not hold
    are made anew, and where what had been synced is gone a new segment begins. Records that are lost stay a gap.

    On a terminal it asks first. Elsewhere it does nothing without --yes. Exit code 0: there is nothing to do, or all is
    done. 1: there is something to do, and it was not done. 2: it could not look, or could not do it.

    With --json each step is an object: kind ("cut", "begin", "mark", "index", "meta" or "draft"), topic, path, start
    and stop (bytes, stop excluded), first (the offset that is due there), next, what. One of the kind "lost" is a gap
    that stays: the offsets first to next - 1. The last object has the kind "summary": data, steps, lost (how many),
    done.
    """
    from mq import config
    from mq.cli.render import printable
    from mq.errors import MqError
    from mq.journal.repair import Repair

    try:
        with Repair(data, config.load(os.environ, Path.cwd())) as work:
            done = _run(work, data, yes=yes, as_json=as_json)
    except (MqError, OSError) as error:
        if isinstance(error, OSError):
            abandon_output()
        typer.echo(f"minimq: {printable(str(error))}", err=True)
        raise typer.Exit(NOT_POSSIBLE) from None
    raise typer.Exit(DONE if done else NOT_DONE)


def _run(work: Repair, data: str, *, yes: bool, as_json: bool) -> bool:
    """Say what is to be done, and do it if that is wanted; return whether nothing is left to do."""
    from mq.cli.steps import fields_of

    with progress("repair: look") as tell:
        plan = work.plan(tell)
    for each in (*plan.lost, *plan.steps):
        typer.echo(json.dumps(fields_of(each)) if as_json else _line(fields_of(each)))
    done = not plan.steps
    if plan.steps and (yes or _agreed()):
        with progress("repair") as tell:
            work.carry_out(plan, tell)
        done = True
    typer.echo(json.dumps(_summary(data, plan, done=done)) if as_json else _last_line(data, plan, done=done))
    return done


def _agreed() -> bool:
    """Ask on a terminal; elsewhere there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    typer.echo("Do this? [y/N] ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _line(each: dict[str, Any]) -> str:
    place = f"{each['kind']}: {each['path']}"
    if each["start"] is not None:
        place += f": bytes {each['start']} to {each['stop']}"
    if each["kind"] == "lost":
        return f"{place}, {each['what']}"
    if each["kind"] == "cut":
        place += f", nothing before offset {each['first']} is touched"
    return f"{place}: {each['what']}"


def _summary(data: str, plan: RepairPlan, *, done: bool) -> dict[str, Any]:
    return {"kind": "summary", "data": data, "steps": len(plan.steps), "lost": len(plan.lost), "done": done}


def _last_line(data: str, plan: RepairPlan, *, done: bool) -> str:
    stays = f"; {_many(len(plan.lost), 'place')} of lost bytes as they are" if plan.lost else ""
    if not plan.steps:
        return f"{data}: there is nothing to do{stays}"
    if done:
        return f"{data}: done, {_many(len(plan.steps), 'step')}{stays}"
    return f"{data}: {_many(len(plan.steps), 'step')} to do, and nothing was done (--yes does it){stays}"


def _many(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
