"""What programs rely on is what the list says, and what ``--json`` prints has the keys that the page names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from broker_process import BrokerProcess
from page import ROOT
from public_surface import LIST, surface

import mq

PAGE = (ROOT / "docs" / "compatibility.md").read_text("utf-8")
KEYS = {
    (command, row[1].strip()): re.findall(r"`(\w+)`", row[2])
    for row in (line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `minimq"))
    for command in re.findall(r"`minimq (\w+)`", row[0])
}


def printed(broker: str, *arguments: str) -> list[dict[str, Any]]:
    """Return the objects that a command prints with --json, whatever its exit code."""
    command = [sys.executable, "-m", "mq.cli", *arguments, "--json"]
    environment = {**os.environ, "MINIMQ_BROKER": broker}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def keys_of(*objects: dict[str, Any]) -> set[tuple[str, ...]]:
    return {tuple(each) for each in objects}


def wounded(place: Path) -> str:
    """Return a data directory in which a record in the middle of a log is damaged."""
    shutil.copytree(ROOT / "tests" / "data" / "journal-1" / "data", place)
    log = place / "topics" / "jobs" / "@00000000000000000000.log"
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    return str(place)


def test_the_public_surface_is_what_the_list_says() -> None:
    assert surface() == LIST.read_text("utf-8"), "python tests/docs/public_surface.py writes it anew; is it meant?"


def test_the_keys_of_what_a_broker_is_asked_are_as_told(broker: BrokerProcess) -> None:
    at = broker.control
    (stored,) = printed(at, "pub", "notes", "one")
    assert list(stored) == KEYS["pub", "the last record"]
    for objects in (printed(at, "replay", "notes"), printed(at, "tail", "notes", "--from", "0", "--count", "1")):
        assert keys_of(*objects) == {tuple(KEYS["replay", "a record"])} == {tuple(KEYS["tail", "a record"])}
    assert keys_of(*printed(at, "topics")) == {tuple(KEYS["topics", "a topic"])}
    with mq.SharedConsumer(at, "notes", "readers") as consumer:
        consumer.receive(20)
        (found,) = printed(at, "consumers")
    assert list(found) == KEYS["consumers", "a consumer"]
    assert keys_of(*found["topics"]) == {tuple(KEYS["consumers", "each of its `topics`"])}


def test_the_keys_of_what_is_counted_are_as_told(broker: BrokerProcess) -> None:
    with mq.Push(broker.ingest) as push, mq.Subscriber(broker.control, "notes", start=0) as subscriber:
        push.send("notes", b"one")
        assert subscriber.receive(20) is not None
    first, *others = printed(broker.control, "stats")
    assert first["kind"] == "broker"
    assert {*KEYS["stats", "of kind `producer`"]} <= {*others[0]}


def test_the_keys_of_what_a_damaged_directory_makes_a_command_print_are_as_told(tmp_path: Path) -> None:
    data = wounded(tmp_path / "data")
    *findings, summary = printed("", "verify", data)
    assert keys_of(*findings) == {tuple(KEYS["verify", "of kind `damage` or `torn`"])}
    assert list(summary) == KEYS["verify", "of kind `summary`"]
    *steps, summary = printed("", "repair", data)
    assert keys_of(*steps) == {tuple(KEYS["repair", "a step, or of kind `lost`"])}
    assert list(summary) == KEYS["repair", "of kind `summary`"]


def test_the_keys_of_a_gap_are_as_told(tmp_path: Path) -> None:
    data = wounded(tmp_path / "data")
    broker = BrokerProcess(Path(data))
    try:
        gaps = [each for each in printed(broker.control, "replay", "jobs") if "gap" in each]
    finally:
        broker.kill()
    assert keys_of(*gaps) == {tuple(KEYS["replay", "a gap"])} == {tuple(KEYS["tail", "a gap"])}


def test_the_page_speaks_of_each_command_that_prints_json() -> None:
    lines = [line.split() for line in LIST.read_text("utf-8").splitlines()]
    with_json = {words[1] for words in lines if words and words[0] == "minimq" and "--json" in words}
    assert with_json == {command for command, _ in KEYS}
