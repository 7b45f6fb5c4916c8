"""``make bench``: run the measures, print the table, and put it into docs/figures.md."""

from __future__ import annotations

import os
import platform
import sys
from datetime import date
from pathlib import Path

from bench.debian import need
from bench.harness import REDIS, Unmeasurable, scratch
from bench.measures.acknowledged import durable, ingest, send
from bench.measures.footprint import EXPORTER, footprint
from bench.measures.nodes import nodes
from bench.measures.opening import opening
from bench.measures.over_http import WRK, http
from bench.measures.pushed import latency, push
from bench.measures.replayed import replay
from bench.table import Row, markdown
from mq.errors import MqError

ALL = (ingest, send, push, latency, durable, replay, nodes, opening, http, footprint)
MEASURES = {measure.__name__: measure for measure in ALL}
NEEDED = {
    "ingest": (REDIS, "redis-server"),
    "send": (REDIS, "redis-server"),
    "durable": (REDIS, "redis-server"),
    "replay": (REDIS, "redis-server"),
    "http": (WRK, "wrk"),
    "footprint": (EXPORTER, "prometheus-node-exporter"),
}
FIGURES = Path("docs/figures.md")
START, END = "<!-- table -->", "<!-- end of table -->"


def main(names: list[str]) -> None:
    """Run the measures named, or all; only a run of all goes into the docs."""
    if unknown := set(names) - MEASURES.keys():
        sys.exit(f"bench: there is no {', '.join(sorted(unknown))}, only {', '.join(MEASURES)}")
    chosen = names or list(MEASURES)
    for name in chosen:
        if name in NEEDED:
            need(*NEEDED[name])
    table = markdown(_measure(chosen))
    print(table)
    if not names:
        _publish(table)


def _measure(names: list[str]) -> list[Row]:
    rows: list[Row] = []
    with scratch():
        for name in names:
            print(f"measuring: {name}", file=sys.stderr)
            try:
                rows += MEASURES[name]()
            except (Unmeasurable, MqError) as error:
                sys.exit(f"bench: {name} cannot be measured: {error}")
    return rows


def _publish(table: str) -> None:
    text = FIGURES.read_text()
    before, after = text.split(START)[0], text.split(END)[1]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    FIGURES.write_text(f"{before}{START}\n{date.today().isoformat()}, {machine}:\n\n{table}\n{END}{after}")


if __name__ == "__main__":
    main(sys.argv[1:])
