"""``python -m collectors``: read, push, sleep, until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from threading import Event

import psutil

from collectors.outlet import Outlet
from collectors.readers import METRICS, Reader
from collectors.sample import encode, topic_of
from collectors.schedule import Schedule
from collectors.settings import Settings, read_settings
from mq.errors import MqError

FIRST_SAMPLE_AFTER_S = 0.2
LOOK_S_MAX = 0.5

log = logging.getLogger("collectors")


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Collect until SIGINT or SIGTERM. Raises `MqError` for settings that cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = read_settings(arguments, environ)
    if settings.proc is not None:
        psutil.PROCFS_PATH = settings.proc
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    outlet = Outlet(settings.broker)
    log.info("%s of node %s, for the broker at %s", ", ".join(settings.metrics), settings.node, settings.broker)
    try:
        collect(settings, outlet, stop)
    finally:
        outlet.close()
    return 0


def collect(settings: Settings, outlet: Outlet, stop: Event) -> None:
    """Read each metric when it is due and send it."""
    readers = {metric: METRICS[metric].make(psutil) for metric in settings.metrics}
    intervals = {metric: settings.interval_s or METRICS[metric].interval_s for metric in settings.metrics}
    schedule = Schedule(intervals, time.monotonic() + FIRST_SAMPLE_AFTER_S)
    failing: set[str] = set()
    while not stop.is_set():
        if outlet.look_for_broker(min(LOOK_S_MAX, schedule.next - time.monotonic())):
            stop.wait(max(0.0, schedule.next - time.monotonic()))
        for metric in schedule.take_due(time.monotonic()):
            sample = _sample(readers[metric], metric, settings.node, failing)
            if sample is not None:
                outlet.send(topic_of(settings.node, metric), sample)


def _sample(read: Reader, metric: str, node: str, failing: set[str]) -> bytes | None:
    """Read once. A reader that fails costs its sample, and is complained of once until it works again."""
    try:
        sample = encode(read(), time=time.time_ns(), node=node, metric=metric)
    except Exception as error:  # noqa: BLE001 - whatever a kernel or psutil comes up with, the others go on
        if metric not in failing:
            why = f"{type(error).__name__}: {error}"
            log.error("%s cannot be read, its samples are skipped: %s", metric, why)  # noqa: TRY400 - a line is enough
            failing.add(metric)
        return None
    failing.discard(metric)
    return sample


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except MqError as error:
        sys.exit(f"collectors: {error}")
