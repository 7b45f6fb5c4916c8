"""Write ``frames.hex`` from what ``docs/wire.md`` says, and from nothing else.

This is a second implementation of the frame, on purpose: it imports nothing of MiniMQ, takes the layout and the
examples from the page's tables, writes msgpack and zstd by hand, and has its checksums from another library.
``--check`` writes nothing, and exits with 1 if the file in the repository is not what the page says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from crc32c import crc32c

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs" / "wire.md"
GOLDEN = HERE / "frames.hex"
HEADER_SIZE = 64
BATCH, ZSTD = 0b001, 0b010


class Example(NamedTuple):
    """A row of "Example frames"; `stamp` is offset, appended and epoch, where they are given."""

    name: str
    topic: str
    flags: int
    producer: int
    sequence: int
    produced: int
    records: list[bytes]
    stamp: dict[str, int] | None


def table(page: str, heading: str) -> list[dict[str, str]]:
    """Return the rows of the first table under a heading, each by the names of its columns."""
    section = page.split(f"# {heading}\n", 1)[1]
    lines = section[section.index("\n|") :].strip().split("\n\n", 1)[0].splitlines()
    names, _, *rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(names, row, strict=True)) for row in rows]


def layout(page: str) -> dict[str, tuple[int, int]]:
    """Return where each field of the header is, and how many bytes it has; they must fill the header."""
    fields = {row["field"]: (int(row["at"]), int(row["bytes"])) for row in table(page, "The header")}
    at = 0
    for name, (start, size) in fields.items():
        if start != at:
            raise ValueError(f"{name} is said to be at {start}, the field before it ends at {at}")
        at += size
    if at != HEADER_SIZE:
        raise ValueError(f"the fields fill {at} bytes")
    return fields


def examples(page: str) -> list[Example]:
    """Return the rows of "Example frames"."""
    return [_example(row) for row in table(page, "Example frames")]


def make(fields: dict[str, tuple[int, int]], example: Example, *, stamped: bool) -> bytes:
    """Return the frame, as its producer sends it or as the broker stamps it."""
    header = bytearray(HEADER_SIZE)

    def put(name: str, number: int) -> None:
        at, size = fields[name]
        header[at : at + size] = number.to_bytes(size, "little")

    def before(name: str) -> bytes:
        return example.topic.encode() + b"\0" + bytes(header[: fields[name][0]])

    body = body_of(example)
    put("magic", int.from_bytes(b"MQ", "little"))
    put("version", 1)
    put("flags", example.flags)
    put("count", len(example.records))
    put("producer", example.producer)
    put("sequence", example.sequence)
    put("produced", example.produced)
    put("length", len(body))
    put("crc", crc32c(before("crc") + body))
    if stamped and example.stamp:
        for name, number in example.stamp.items():
            put(name, number)
        put("head_crc", crc32c(before("head_crc")))
    return example.topic.encode() + b"\0" + bytes(header) + body


def body_of(example: Example) -> bytes:
    """Return the body, by the flags."""
    plain = msgpack_array(example.records) if example.flags & BATCH else example.records[0]
    return zstd_raw(plain) if example.flags & ZSTD else plain


def msgpack_array(records: list[bytes]) -> bytes:
    """Return an array of bin, each in its shortest form, and none larger than these examples need."""
    count = len(records)
    head = bytes([0x90 | count]) if count < 1 << 4 else b"\xdc" + count.to_bytes(2, "big")
    return head + b"".join(_msgpack_bin(record) for record in records)


def zstd_raw(plain: bytes) -> bytes:
    """Return a zstd frame whose only block is raw."""
    size = len(plain)
    return bytes.fromhex("28b52ffd20") + bytes([size]) + (size << 3 | 1).to_bytes(3, "little") + plain


def golden(page: str) -> str:
    """Return the whole file: a name and a frame in hexadecimal on each line."""
    fields = layout(page)
    lines = []
    for example in examples(page):
        lines.append(f"{example.name} {make(fields, example, stamped=False).hex()}")
        if example.stamp:
            lines.append(f"{example.name}.stamped {make(fields, example, stamped=True).hex()}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or check it."""
    if crc32c(b"123456789") != 0xE3069283:
        raise ValueError("this is not CRC-32C")
    text = golden(PAGE.read_text("utf-8"))
    if arguments == ["--check"]:
        return 0 if GOLDEN.is_file() and GOLDEN.read_text("ascii") == text else 1
    GOLDEN.write_text(text, "ascii", newline="\n")
    return 0


def _example(row: dict[str, str]) -> Example:
    numbers = {name: int(row[name], 0) for name in ("flags", "producer", "sequence", "produced")}
    stamp = {name: int(row[name], 0) for name in ("offset", "appended", "epoch") if row[name]}
    records = [_record(text) for text in json.loads(row["records"])]
    return Example(name=row["name"], topic=row["topic"], records=records, stamp=stamp or None, **numbers)


def _record(text: Any) -> bytes:
    digits, _, times = text.partition("*")
    return bytes.fromhex(digits) * int(times or 1)


def _msgpack_bin(record: bytes) -> bytes:
    size = len(record)
    head = b"\xc4" + bytes([size]) if size < 1 << 8 else b"\xc5" + size.to_bytes(2, "big")
    return head + record


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
