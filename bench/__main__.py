"""``make bench``: run the measures, print the table, and put it into docs/figures.md."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

from bench import measures
from bench.harness import scratch
from bench.table import Row, markdown

MEASURES = {
    "yardstick": measures.yardstick,
    "push": measures.push,
    "latency": measures.latency,
    "footprint": measures.footprint,
}
FIGURES = Path("docs/figures.md")
START, END = "<!-- table -->", "<!-- end of table -->"


def main(names: list[str]) -> None:
    """Run the measures named, or all; only a run of all goes into the docs."""
    _need_exporter(names)
    rows: list[Row] = []
    with scratch():
        for name in names or list(MEASURES):
            print(f"measuring: {name}", file=sys.stderr)
            rows += MEASURES[name]()
    table = markdown(rows)
    print(table)
    if not names:
        _publish(table)


def _publish(table: str) -> None:
    text = FIGURES.read_text()
    before, after = text.split(START)[0], text.split(END)[1]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    FIGURES.write_text(f"{before}{START}\n{date.today().isoformat()}, {machine}:\n\n{table}\n{END}{after}")


def _need_exporter(names: list[str]) -> None:
    if (names and "footprint" not in names) or shutil.which(measures.EXPORTER):
        return
    package = "prometheus-node-exporter"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"bench: the footprint is held against {package}: sudo apt install {package}")
    print(f"installing {package}", file=sys.stderr)
    subprocess.run(["apt-get", "update", "-qq"], check=True)  # noqa: S607 - Debian's, wherever it is
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], check=True)  # noqa: S607


if __name__ == "__main__":
    main(sys.argv[1:])
