"""Parts of a table, written one at a time, and joined to one file: Parquet, CSV, NDJSON."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from mq.errors import MqError
from mq.transfer.rows import COLUMNS, MSGPACK, Row

SECOND_NS = 1_000_000_000
SIGNED_MAX = 2**63 - 1
COPIED_BYTES = 1 << 20
LINE_END = "\r\n"


class Format(Protocol):
    """How a table is written."""

    def write(self, path: Path, rows: Sequence[Row]) -> None:
        """Write one part."""

    def join(self, path: Path, parts: Sequence[Path]) -> None:
        """Make one file of parts."""


class Csv:
    """Comma-separated values (RFC 4180) in UTF-8, with a line of names; times in ISO 8601, UTC, to the nanosecond."""

    def write(self, path: Path, rows: Sequence[Row]) -> None:
        """Write lines."""
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, lineterminator=LINE_END)  # or Python 3.11 leaves a lone CR without quotes
            for row in rows:
                lines.writerow(row._replace(time=iso(row.time), produced=iso(row.produced)))  # type: ignore[arg-type]

    def join(self, path: Path, parts: Sequence[Path]) -> None:
        """Put the names before the lines of all parts."""
        with path.open("wb") as file:
            file.write((",".join(COLUMNS) + LINE_END).encode())
            _append(file, parts)


class Ndjson:
    """One JSON object a line, as ``minimq replay --json`` prints them, and how the body is to be read."""

    def write(self, path: Path, rows: Sequence[Row]) -> None:
        """Write lines."""
        with path.open("w", encoding="utf-8", newline="") as file:
            for row in rows:
                fields = row._asdict() | ({"body": json.loads(row.body)} if row.encoding == MSGPACK else {})
                file.write(json.dumps(fields, ensure_ascii=False) + "\n")

    def join(self, path: Path, parts: Sequence[Path]) -> None:
        """Put the lines of all parts one behind another."""
        with path.open("wb") as file:
            _append(file, parts)


class Parquet:
    """Parquet with a row group a part. A producer's time behind the year 2262 is null: Parquet has none."""

    def __init__(self) -> None:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and heavy for who does not use it
        import pyarrow.parquet as pq  # noqa: PLC0415

        time, word = pa.timestamp("ns", tz="UTC"), pa.dictionary(pa.int32(), pa.string())
        kinds = (word, pa.int64(), time, time, pa.float64(), word, pa.string())
        self._pa, self._pq = pa, pq
        self._schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))

    def write(self, path: Path, rows: Sequence[Row]) -> None:
        """Write one row group."""
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        columns[2:4] = [[it if it <= SIGNED_MAX else None for it in times] for times in columns[2:4]]
        arrays = [self._pa.array(it, each.type) for it, each in zip(columns, self._schema, strict=True)]
        self._pq.write_table(self._pa.table(arrays, schema=self._schema), path, compression="zstd")

    def join(self, path: Path, parts: Sequence[Path]) -> None:
        """Copy the row groups into one file."""
        with self._pq.ParquetWriter(path, self._schema, compression="zstd") as writer:
            for part in parts:
                writer.write_table(self._pq.read_table(part, schema=self._schema))


def format_of(path: Path) -> Format:
    """Return the format that a file's name asks for."""
    match path.suffix.lower():
        case ".csv":
            return Csv()
        case ".ndjson" | ".jsonl":
            return Ndjson()
        case ".parquet":
            return Parquet()
    raise MqError(f"{path}: the name is to end in .parquet, .csv or .ndjson, which says the format")


def iso(time: int) -> str:
    """Return a time in ns as ISO 8601."""
    return f"{datetime.fromtimestamp(time // SECOND_NS, UTC):%Y-%m-%dT%H:%M:%S}.{time % SECOND_NS:09}Z"


def _append(file: Any, parts: Sequence[Path]) -> None:
    for part in parts:
        with part.open("rb") as one:
            shutil.copyfileobj(one, file, COPIED_BYTES)
