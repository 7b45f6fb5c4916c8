"""Makes docs/page.png: a broker with a quarter of an hour of made-up samples, the page, and a browser that looks at it.

Run it with ``make screenshot``; it takes a minute and a half, since a node must have been silent for one to be down.
"""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgpack
from playwright.sync_api import ViewportSize, sync_playwright

import mq

PICTURE = Path(__file__).parents[1] / "docs" / "page.png"
SIZE: ViewportSize = {"width": 1280, "height": 940}
PAST_S, LIVE_S = 14 * 60, 75
END_S_MAX = 20
SECOND_NS = 1_000_000_000
GIB = 1 << 30
LOADS = {"db-1": 0.6, "web-1": 0.35, "web-2": 0.15}
DOWN = "web-2"


def samples(second: int, load: float, chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the collectors of a node with such a load would read in a second."""
    wave = load * (0.7 + 0.3 * math.sin(second / (60 + 100 * load)) + 0.2 * chance.random())
    busy = min(1.0, wave + (0.3 if second % 230 < 200 * load * load else 0.0))
    yield "cpu", {"value": 100 * busy, "per_core": [100 * busy] * 8, "load": [8 * busy, 7.5 * load, 7 * load]}
    if second % 5 == 0:
        memory = 0.3 + 0.6 * load + 0.04 * math.sin(second / 170)
        yield "mem", {"value": 100 * memory, "total": 16 * GIB, "used": memory * 16 * GIB, "cached": 3 * GIB}
        disk = 0.2 + 0.7 * load + second / 90_000
        mount = {"mount": "/", "total": 250 * GIB, "used": disk * 250 * GIB}
        yield "disk", {"value": 100 * disk, "mounts": [mount], "read": 4e6 * wave, "written": 9e6 * wave}
        flow = {"received": 2e6 * wave * (0.6 + chance.random()), "sent": 6e6 * wave * (0.6 + chance.random())}
        yield "net", {"value": sum(flow.values()), "interfaces": [{"name": "eth0", **flow}]}


def tell(producer: mq.Producer, second: int, start: int, nodes: list[str], chance: random.Random) -> None:
    """Publish what some nodes say in a second."""
    for node in nodes:
        for metric, sample in samples(second, LOADS[node], chance):
            body = msgpack.packb({"time": start + second * SECOND_NS, **sample})
            producer.send(f"host/{node}/{metric}", body)


def fill(broker: str) -> None:
    """Tell the past at once, then a little more than a minute as it passes; one node says nothing by then."""
    chance, start = random.Random(7), time.time_ns() - PAST_S * SECOND_NS  # noqa: S311 - a picture, not a secret
    living = [node for node in LOADS if node != DOWN]
    with mq.Producer(broker, "written") as producer:
        for second in range(PAST_S + LIVE_S):
            time.sleep(max(0.0, second - (time.time_ns() - start) / SECOND_NS))
            tell(producer, second, start, list(LOADS) if second < PAST_S else living, chance)


@contextmanager
def running(sign: str, *command: str) -> Iterator[str]:
    """Run a module, and give what it says behind a sign."""
    with subprocess.Popen([sys.executable, "-m", *command], stdout=-1, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield next(found[1] for line in process.stdout or () if (found := re.search(sign, line)))
        finally:
            process.terminate()
            process.wait(END_S_MAX)  # before its pipe is closed: it has a last line to write


def main() -> None:
    """Make the picture."""
    ports = [f"--{name}=tcp://127.0.0.1:*" for name in ("ingest", "live", "control", "ops")]
    with ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory())
        broker = stack.enter_context(running(r"control=(\S+)", "mq.cli", "broker", "--data", data, *ports))
        viewer = running(r"(http://localhost:\d+/viewer)", "panel", "serve", "viewer", "--port", "0")
        os.environ["MINIMQ_BROKER"] = broker
        url = stack.enter_context(viewer)
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport=SIZE, device_scale_factor=1)
        fill(broker)
        page.goto(url)
        page.get_by_text("2 live · 1 down").wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=PICTURE)
        chromium.close()


if __name__ == "__main__":
    main()
