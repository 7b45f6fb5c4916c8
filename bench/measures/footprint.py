"""What a collector costs the host that it watches, beside Prometheus' node exporter."""

from __future__ import annotations

import sys
import time
import urllib.request

import psutil

from bench.harness import Stage
from bench.table import Row

WATCH_S = 20.0
EXPORTER = "/usr/bin/prometheus-node-exporter"
MIB = 1 << 20


def footprint() -> list[Row]:
    """Hold a collector of all metrics beside the exporter, scraped each second: memory, and CPU time."""
    with Stage() as stage:
        broker = stage.broker()
        collector = stage.program([sys.executable, "-m", "collectors", "--broker", broker["control"]])
        exporter = stage.program([EXPORTER, "--web.listen-address=127.0.0.1:19100", "--no-collector.systemd"])
        processes = [psutil.Process(worker.process.pid) for worker in (collector, exporter)]
        _scrape_for(3.0)
        before = [sum(process.cpu_times()[:2]) for process in processes]
        _scrape_for(WATCH_S)
        spent = [sum(process.cpu_times()[:2]) - earlier for process, earlier in zip(processes, before, strict=True)]
        memory = [process.memory_info().rss / MIB for process in processes]
    return [
        Row(
            "a collector, resident memory",
            f"{memory[0]:.1f} MiB",
            f"node exporter: {memory[1]:.1f} MiB",
            f"{memory[0] / memory[1]:.2f}",
            "at most 1.35",
        ),
        Row(
            "a collector of all metrics, CPU",
            f"{spent[0] / WATCH_S * 1000:.1f} ms/s",
            f"node exporter, scraped each second: {spent[1] / WATCH_S * 1000:.1f} ms/s",
            f"{spent[0] / spent[1]:.2f}" if spent[1] else "-",
            "at most 1",
        ),
    ]


def _scrape_for(seconds: float) -> None:
    """Ask the exporter each second, as a Prometheus with that resolution would."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1.0)
        urllib.request.urlopen("http://127.0.0.1:19100/metrics", timeout=5).read()
