"""``python -m collectors``: read, send, sleep, until told to stop."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Protocol

import psutil

from collectors.arguments import HELP, UsageError, parse
from collectors.host import Host
from collectors.outlet import Outlet
from collectors.pulse import Pulse
from collectors.readers import Psutil
from collectors.sample import topic_of
from collectors.schedule import Schedule
from collectors.scope import CONTAINER, HOST, scope_of
from collectors.settings import Given, Settings, read_settings
from collectors.signals import Ending
from collectors.source import Source
from mq.errors import MqError

SECOND_NS = 1_000_000_000
FIRST_SAMPLE_AFTER_NS = SECOND_NS // 5
LOOK_S_MAX = 0.25

log = logging.getLogger("collectors")


class AnyOutlet(Protocol):
    """The way out of a collector."""

    @property
    def busy(self) -> bool:
        """Whether it has something to do."""

    @property
    def trouble(self) -> str | None:
        """Why samples do not leave, None while they do."""

    def send(self, topic: str, body: bytes) -> None:
        """Send a sample that was read now."""

    def work(self, wait_s: float) -> None:
        """Do it, for up to `wait_s` seconds."""

    def close(self) -> None:
        """Let go."""


def run(given: Given, environ: Mapping[str, str]) -> int:
    """Collect until SIGINT or SIGTERM. Raises `MqError` for settings that cannot be used."""
    settings = read_settings(given, environ)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with Ending() as ending:
        outlet = outlet_of(settings)
        log.info("%s of node %s, for the broker at %s", ", ".join(settings.metrics), settings.node, settings.broker)
        try:
            collect(settings, machine_of(settings), outlet, ending, environ)
        finally:
            outlet.close()
    return 0


def outlet_of(settings: Settings) -> AnyOutlet:
    """Return the way out. The acknowledged one is imported where it is used: it takes memory."""
    if settings.spool is None:
        return Outlet(settings.broker)
    from collectors.acked import AckedOutlet  # noqa: PLC0415 - see above

    return AckedOutlet(settings.broker, settings.spool)


def machine_of(settings: Settings) -> Psutil:
    """Return what the readers ask: psutil for this machine, or the host of this container in its place."""
    return psutil if settings.proc is None else Host(psutil, settings.proc)


def scopes_of(settings: Settings) -> dict[str, str]:
    """Return whose figures of each metric are told, and say it where they are a container's."""
    scopes = {metric: HOST if settings.proc else scope_of(metric) for metric in settings.metrics}
    own = [metric for metric, scope in scopes.items() if scope == CONTAINER]
    if own:
        log.warning("%s of this container are told, not its host's; for those set HOST_MODE=true", " and ".join(own))
    return scopes


def collect(settings: Settings, machine: Psutil, outlet: AnyOutlet, ending: Ending, environ: Mapping[str, str]) -> None:
    """Read each metric when it is due and send it."""
    scopes = scopes_of(settings)
    sources = {
        metric: Source(metric, settings.node, machine, settings.interval_s, scope) for metric, scope in scopes.items()
    }
    steps = {metric: round(source.interval_s * SECOND_NS) for metric, source in sources.items()}
    schedule = Schedule(steps, time.monotonic_ns() + FIRST_SAMPLE_AFTER_NS)
    pulse = Pulse(environ, max(source.interval_s for source in sources.values()))
    while not ending.within(0.0 if outlet.busy else _seconds_to(schedule.next)):
        if outlet.busy:
            outlet.work(min(LOOK_S_MAX, _seconds_to(schedule.next)))
        for metric in schedule.take_due(time.monotonic_ns()):
            sample = sources[metric].sample()
            if sample is not None:
                outlet.send(topic_of(settings.node, metric), sample)
        pulse.beat([outlet.trouble, *(source.trouble for source in sources.values())])


def _seconds_to(moment: int) -> float:
    return (moment - time.monotonic_ns()) / SECOND_NS


def main() -> int:
    """Run with the command line and the environment; errors become one line and an exit code."""
    try:
        given = parse(sys.argv[1:])
        if given is None:
            sys.stdout.write(HELP)
            return 0
        return run(given, os.environ)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except MqError as error:
        sys.stderr.write(f"collectors: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
