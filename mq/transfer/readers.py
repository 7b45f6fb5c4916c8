"""Rows of a file, whatever wrote it: each a number to name it by, and its fields. One row at a time is held."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mq.errors import MqError

FIELD_CHARACTERS_MAX = 4 << 20
LINE_BYTES_MAX = 16 << 20
PARQUET_ROWS = 10_000
DELIMITERS = (",", ";", "\t", "|")

Fields = dict[str, Any]


class BadRow(MqError):
    """A row that cannot be taken, and where it stands."""

    def __init__(self, path: Path, row: int, why: str) -> None:
        self.path, self.row, self.why = path, row, why
        super().__init__(f"{path}, row {row:,}: {why}")


def read_rows(path: Path) -> Iterator[tuple[int, Fields]]:
    """Yield the rows of a file, numbered from 1, as its name says what they are."""
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return _csv(path)
        case ".ndjson" | ".jsonl":
            return _ndjson(path)
        case ".parquet":
            return _parquet(path)
    raise MqError(f"{path}: the name is to end in .parquet, .csv or .ndjson, which says the format")


def _csv(path: Path) -> Iterator[tuple[int, Fields]]:
    csv.field_size_limit(FIELD_CHARACTERS_MAX)
    with path.open(encoding="utf-8-sig", newline="") as file:
        number = 0
        try:
            names = file.readline(FIELD_CHARACTERS_MAX)
            file.seek(0)
            lines = csv.reader(file, delimiter=max(DELIMITERS, key=names.count), strict=True)
            columns = next(lines, [])
            _check_columns(path, columns)
            for number, line in enumerate((line for line in lines if line), 1):
                if len(line) != len(columns):
                    raise BadRow(path, number, f"{len(line)} fields, where there are {len(columns)} columns")
                yield number, dict(zip(columns, line, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadRow(path, number + 1, f"this is no CSV in UTF-8: {error}") from None


def _check_columns(path: Path, columns: list[str]) -> None:
    if not any(columns):
        raise MqError(f"{path}: the first line is to name the columns")
    twice = {name for name in columns if columns.count(name) > 1}
    if twice:
        raise MqError(f"{path}: the column {min(twice)!r} is there twice")


def _ndjson(path: Path) -> Iterator[tuple[int, Fields]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE_BYTES_MAX + 1):
            number += 1
            if len(line) > LINE_BYTES_MAX:
                raise BadRow(path, number, f"a line of more than {LINE_BYTES_MAX:,} bytes")
            try:
                found = json.loads(line) if line.strip() else {}
            except (ValueError, RecursionError) as error:
                raise BadRow(path, number, f"this is no JSON: {error}") from None
            if not isinstance(found, dict):
                raise BadRow(path, number, "this is no JSON object")
            if found:
                yield number, found


def _parquet(path: Path) -> Iterator[tuple[int, Fields]]:
    import pyarrow as pa  # noqa: PLC0415 - an extra, and heavy for who does not use it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(PARQUET_ROWS):
                columns = [_python(pa, column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(batch.schema.names, values, strict=True))
    except pa.ArrowException as error:
        raise MqError(f"{path} is no Parquet that can be read: {error}") from None


def _python(pa: Any, column: Any) -> list[Any]:
    """Return a column's values; times as ns, which Python's own would cut to microseconds."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
        return [None if it is None else Nanoseconds(it) for it in column.to_pylist()]
    found: list[Any] = column.to_pylist()
    return found


class Nanoseconds(int):
    """A time that the file itself says is one."""
