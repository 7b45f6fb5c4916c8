"""``docs/spool.md``: its examples run, and its tables are as the code is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from broker_process import BrokerProcess

import mq
from mq.client.spool_frames import EPOCH, kept
from mq.client.spool_losses import SpoolState
from mq.client.spool_writer import AGE_S_MAX, BYTES_MAX, BYTES_MAX_LEAST, DRAIN_BYTES_S
from mq.frame import Wanted, pack

PAGE = (Path(__file__).parents[2] / "docs" / "spool.md").read_text("utf-8")


def test_the_examples_run_as_they_stand(broker: BrokerProcess, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    content = pack("weather/roof", [b"22", b"23"])
    aside = kept(content, wanted=Wanted.DURABLE, produced=1, place=0, now=1)
    (spool / "unknown.frames").write_bytes(aside)
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        source = example.replace("tcp://127.0.0.1:5557", broker.control).replace("/var/lib/weather/spool", str(spool))
        subprocess.run([sys.executable, "-W", "error", "-c", source], check=True, timeout=60)
    assert [message.body for message in mq.replay(broker.control, "weather/roof")] == [b"21.5", b"22", b"23"]


def test_options_and_fields_are_as_told() -> None:
    assert f"| `spool_bytes_max` | {BYTES_MAX:,} |" in PAGE
    assert f"at least {BYTES_MAX_LEAST:,}." in PAGE
    assert f"| `spool_age_s_max` | {AGE_S_MAX:,} |" in PAGE
    assert f"| `spool_drain_bytes_s` | {DRAIN_BYTES_S:,} |" in PAGE
    assert f"{EPOCH:,}" in PAGE
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE) == list(SpoolState._fields)
