"""Keeps children running: who dies is started again, one line a death, the others untouched."""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mq.cli.children import Children
from mq.cli.restarts import Restarts

log = logging.getLogger("minimq.up")


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs. With `speaks` it prints one line once it is ready, else its output is nobody's business."""

    command: Sequence[str]
    environ: Mapping[str, str]
    speaks: bool = False


def supervise(children: Children, programs: Mapping[str, Program]) -> None:
    """Start again what dies, until a signal is to end everything."""
    restarts = Restarts()
    number = None
    while number is None:
        for name, code in children.ended().items():
            children.forget(name)
            _put_off(restarts, name, how_it_ended(code))
        for name in restarts.take_due(time.monotonic()):
            _start_again(children, restarts, name, programs[name])
        number = children.wait(restarts.seconds_to_next(time.monotonic()))


def _start_again(children: Children, restarts: Restarts, name: str, program: Program) -> None:
    """Start it. That this fails, as in the middle of an upgrade, is one more death."""
    stdout = subprocess.DEVNULL if program.speaks else None  # nobody would read it, and a pipe can fill
    try:
        children.start(name, program.command, program.environ, stdout)
    except (OSError, subprocess.SubprocessError) as error:
        _put_off(restarts, name, f"could not be started ({error})")


def _put_off(restarts: Restarts, name: str, what_happened: str) -> None:
    delay = restarts.put_off(name, time.monotonic())
    log.warning("the %s %s; starting it again in %g s", name, what_happened, delay)


def how_it_ended(code: int) -> str:
    """Return what an exit code says, as the end of a sentence."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:  # one of the many that have no name
        return f"was ended by signal {-code}"
