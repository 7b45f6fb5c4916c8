"""The command line of ``python -m collectors``. With getopt: argparse alone would cost 0.6 MB for as long as we run."""

from __future__ import annotations

import getopt
from collections.abc import Sequence

from collectors.readers import METRICS
from collectors.settings import BROKER_DEFAULT, Given

_METRICS = ", ".join(f"{name} (every {metric.interval_s:g} s)" for name, metric in METRICS.items())
USAGE = (
    "usage: python -m collectors [--node NAME] [--broker ENDPOINT] [--interval SECONDS] "
    "[--delivery push|acked] [--spool DIR] [METRIC ...]"
)
HELP = f"""{USAGE}

Read this host's metrics and send them to a MiniMQ broker, until Ctrl-C.

  METRIC              which: {_METRICS}; all without one
  --node NAME         this host's name on the page; its own by default
  --broker ENDPOINT   the broker's control port; {BROKER_DEFAULT} by default
  --interval SECONDS  between samples; by default each metric has its own, as above
  --delivery HOW      push (the default): sent once, and not waited for; acked: kept on this disk until acknowledged
  --spool DIR         where acked samples are kept; by default a directory below ~/.local/state/minimq/spool
  -h, --help          show this, and stop

Without an option the environment is asked: METRIC_TYPE, NODE_NAME, BROKER_URL, MINIMQ_BROKER, INTERVAL_SECONDS,
DELIVERY, SPOOL_DIR; and HOST_MODE=true in a container reads its host: the host's /proc mounted at /host/proc, and its
/ at /host/root.
"""


OPTIONS = ["help", "node=", "broker=", "interval=", "delivery=", "spool="]


class UsageError(Exception):
    """A command line that cannot be understood, and why."""


def parse(arguments: Sequence[str]) -> Given | None:
    """Return what was given, None when help was asked for."""
    try:
        pairs, metrics = getopt.gnu_getopt(list(arguments), "h", OPTIONS)
    except getopt.GetoptError as error:
        raise UsageError(f"{USAGE}\ncollectors: {error}") from None
    options = dict(pairs)
    if options.keys() & {"-h", "--help"}:
        return None
    names = ("--node", "--broker", "--interval", "--delivery", "--spool")
    return Given(tuple(metrics), *map(options.get, names))
