"""All settings of a broker, with their limits and units, read in one place: a file, then the environment.

``minimq.toml`` (named by ``MINIMQ_CONFIG``, else in the working directory) holds them under ``[broker]``; each is also
an environment variable, ``MINIMQ_`` and the name in capitals, which wins.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from mq.errors import BadPattern, BadSetting
from mq.frame import FRAME_BYTES_MAX
from mq.protocol import PORT_CONTROL
from mq.topic import Pattern

BROKER_DEFAULT = f"tcp://127.0.0.1:{PORT_CONTROL}"
FILE_DEFAULT = "minimq.toml"
TABLE, RETENTION = "broker", "retention"


def _limit(default: float, least: float, why: str) -> Any:
    return field(default=default, metadata={"least": least, "why": why})


@dataclass(frozen=True, slots=True)
class Retention:
    """What topics that match a pattern keep, where that is other than for all: a table ``[[retention]]``."""

    pattern: Pattern
    chosen: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Config:
    """What bounds a broker. Sizes are in bytes, times in seconds, as the names say.

    Of `retention` the first whose pattern matches a topic holds for it.
    """

    frame_bytes_max: int = _limit(FRAME_BYTES_MAX, 1024, "a larger frame is refused and counted")
    wire_bytes_max: int = _limit(4 << 20, 1024, "a larger message makes libzmq cut the connection")
    segment_bytes: int = _limit(64 << 20, 4096, "a segment that has reached it is closed, and the next one begun")
    segment_age_s: float = _limit(86_400.0, 1.0, "the same, once its first record is so old")
    topic_bytes_max: int = _limit(
        1 << 30, 4096, "what a topic keeps; whole segments over it are deleted, the oldest first"
    )
    topic_records_max: int = _limit(10**9, 1, "the same in records")
    topic_age_s: float = _limit(7 * 86_400.0, 1.0, "a segment is deleted once its last record is older")
    topic_expiry_s: float = _limit(
        30 * 86_400.0, 1.0, "a topic that holds nothing any more is deleted when nobody has written to it for so long"
    )
    deleted_topics_max: int = _limit(100_000, 1, "deleted topics of which is remembered where they ended")
    journal_bytes_max: int = _limit(10 << 30, 1 << 20, "all topics together; over it the oldest segments are deleted")
    quarantine_bytes_max: int = _limit(256 << 20, 1 << 20, "copies of torn tails; over it the oldest are deleted")
    producer_records_s_max: int = _limit(0, 0, "records that a client of control may send in a second; 0: no limit")
    producer_bytes_s_max: int = _limit(0, 0, "the same in bytes")
    disk_free_bytes_min: int = _limit(
        64 << 20, 0, "with less free on the disk producers are told busy, and what is pushed is not stored; 0: never"
    )
    index_interval_bytes: int = _limit(64 << 10, 1024, "one entry of the sparse index for so much log")
    stats_interval_s: float = _limit(1.0, 0, "how often the broker's figures become a record of _mq/stats; 0: never")
    sync_interval_s: float = _limit(1.0, 0.01, "so much of what was not acknowledged may go in a power cut")
    open_files_max: int = _limit(4_096, 8, "segments kept open for appending, as far as the process may")
    topics_max: int = _limit(100_000, 1, "a frame for one topic more is refused and counted")
    turn_frames_max: int = _limit(4_000, 1, "frames taken from ingest in one turn of the proxy")
    turn_bytes_max: int = _limit(8 << 20, 1024, "the same in bytes; the frame that passes it is the turn's last")
    turns_ahead_max: int = _limit(1, 1, "turns handed to the journal and not back yet, before ingest waits")
    pending_bytes_max: int = _limit(64 << 20, 1 << 20, "acknowledged frames waiting; more are told busy")
    ingest_messages_max: int = _limit(4_000, 1, "receive high-water mark of ingest, a connection")
    live_messages_max: int = _limit(10_000, 1, "send high-water mark of live, a subscriber; what is over is dropped")
    live_bytes_max: int = _limit(64 << 20, 1 << 16, "the same in bytes, by the average frame: fewer large ones wait")
    control_messages_max: int = _limit(1_000, 1, "high-water mark of control, a client")
    fetch_credit_bytes_max: int = _limit(8 << 20, 1 << 16, "the most that one fetch may ask for")
    fetch_slice_bytes: int = _limit(256 << 10, 4096, "how much of a fetch is read and sent at once")
    unread_bytes_max: int = _limit(64 << 20, 1 << 20, "answers that clients have not taken; who has many waits")
    requests_waiting_max: int = _limit(1_024, 1, "requests waiting for the reader; more are told busy")
    requests_per_client_max: int = _limit(32, 1, "the same, of one client")
    consumers_max: int = _limit(1_000, 1, "consumers by name; one more is refused")
    consumer_topics_max: int = _limit(10_000, 1, "topics in which one consumer has a position")
    consumer_members_max: int = _limit(100, 1, "members of one shared consumer")
    consumer_records_max: int = _limit(10_000, 1, "records of one shared consumer given out and not settled")
    consumer_rows_max: int = _limit(200_000, 1, "positions and such records of all consumers together")
    consumer_tries_max: int = _limit(5, 1, "a record given out so many times becomes a dead letter")
    consumer_expiry_s: float = _limit(30 * 86_400.0, 1.0, "a consumer that nobody has used for so long is deleted")
    metrics_topics_max: int = _limit(1_000, 1, "topics that have values of their own in /metrics")
    metrics_nodes_max: int = _limit(1_000, 1, "nodes whose samples are in /metrics")
    metrics_node_age_s: float = _limit(60.0, 1.0, "a sample that came so long ago is there no more")
    retention: tuple[Retention, ...] = ()


NUMBERS = {each.name: each for each in fields(Config) if "least" in each.metadata}
KEPT = ("topic_bytes_max", "topic_records_max", "topic_age_s")


def load(environ: Mapping[str, str], working_directory: Path) -> Config:
    """Read the file and the environment, or raise `BadSetting` that names the setting and where it stands."""
    named = environ.get("MINIMQ_CONFIG")
    path = Path(named) if named else working_directory / FILE_DEFAULT
    tables = _read(path, must_exist=bool(named))
    chosen = _from_file(path, tables)
    for name in NUMBERS:
        variable = f"MINIMQ_{name.upper()}"
        if variable in environ:
            chosen[name] = (environ[variable], f"the environment ({variable})")
    numbers: dict[str, Any] = {name: _number(name, text, place) for name, (text, place) in chosen.items()}
    return Config(**numbers, retention=_retention(path, tables.get(RETENTION, [])))


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        if must_exist:
            raise BadSetting("MINIMQ_CONFIG", "the environment", f"there is no file {path}") from None
        return {}
    except (OSError, ValueError) as error:
        raise BadSetting("the file", str(path), str(error)) from None


def _from_file(path: Path, tables: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    table = tables.get(TABLE, {})
    if not isinstance(table, dict):
        raise BadSetting(TABLE, str(path), "must be a table")
    for name in NUMBERS.keys() & tables.keys():
        raise BadSetting(name, str(path), f"stands outside of the table [{TABLE}]: put that line above it")
    for name in table:
        if name not in NUMBERS:
            raise BadSetting(name, str(path), "there is no such setting")
    return {name: (it, str(path)) for name, it in table.items()}


def _retention(path: Path, tables: Any) -> tuple[Retention, ...]:
    """Read the tables about some topics only."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadSetting(RETENTION, str(path), f"must be tables, each under a line [[{RETENTION}]]")
    return tuple(_rule(table, f"{path}, [[{RETENTION}]] number {number}") for number, table in enumerate(tables, 1))


def _rule(table: Mapping[str, Any], place: str) -> Retention:
    for name in table.keys() - {"pattern", *KEPT}:
        raise BadSetting(name, place, f"there is no such setting, only pattern, {', '.join(KEPT)}")
    pattern = table.get("pattern")
    if not isinstance(pattern, str):
        raise BadSetting("pattern", place, "must be there, as host/+/cpu")
    try:
        parsed = Pattern.parse(pattern)
    except BadPattern as error:
        raise BadSetting("pattern", place, str(error)) from None
    return Retention(parsed, {name: _number(name, table[name], place) for name in KEPT if name in table})


def _number(name: str, it: Any, place: str) -> int | float:
    spec = NUMBERS[name]
    kind = type(spec.default)
    number = _finite(kind, it)
    if number is None:
        raise BadSetting(name, place, f"{it!r} is not a {'whole ' if kind is int else ''}number")
    least = spec.metadata["least"]
    if number < least:
        raise BadSetting(name, place, f"{number} is below the least that works, {least}")
    return number


def _finite(kind: Any, it: Any) -> int | float | None:
    """Return what was written as a finite number of this kind, None when it is none, or only near one."""
    if isinstance(it, bool):
        return None
    try:
        number: int | float = kind(it)
        return number if isfinite(number) and (isinstance(it, str) or number == it) else None
    except (TypeError, ValueError, OverflowError):
        return None
