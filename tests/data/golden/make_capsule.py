"""Write ``capsule.hex`` from what ``docs/capsule.md`` says, and from nothing else.

This is a second implementation of the capsule, on purpose, as ``make_golden.py`` is one of the frame: it imports
nothing of MiniMQ, takes layout and example from the page's tables, writes msgpack by hand, and has its checksums from
another library. ``--check`` writes nothing, and exits with 1 if the file in the repository is not what the page says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from crc32c import crc32c

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs" / "capsule.md"
GOLDEN, FRAMES = HERE / "capsule.hex", HERE / "frames.hex"
ID = 0x0123456789ABCDEF
SIGNATURE = bytes.fromhex("894d51430d0a1a0a")

Layout = dict[str, tuple[int, int]]


def table(page: str, heading: str) -> list[dict[str, str]]:
    """Return the rows of the first table under a heading, each by the names of its columns."""
    section = page.split(f"# {heading}\n", 1)[1]
    lines = section[section.index("\n|") :].strip().split("\n\n", 1)[0].splitlines()
    names, _, *rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(names, row, strict=True)) for row in rows]


def layout(page: str, heading: str) -> Layout:
    """Return where each field of a part is, and how many bytes it has; they must leave no hole."""
    fields = {row["field"]: (int(row["at"]), int(row["bytes"])) for row in table(page, heading)}
    at = 0
    for name, (start, size) in fields.items():
        if start != at:
            raise ValueError(f"{name} is said to be at {start}, the field before it ends at {at}")
        at += size
    return fields


def part(fields: Layout, **values: int | bytes) -> bytes:
    """Return a part with its checksum."""
    made = bytearray(sum(size for _, size in fields.values()))
    for name, it in values.items():
        at, size = fields[name]
        made[at : at + size] = it if isinstance(it, bytes) else it.to_bytes(size, "little")
    at, size = fields["crc"]
    made[at : at + size] = crc32c(bytes(made[:at])).to_bytes(size, "little")
    return bytes(made)


def msgpack(it: Any) -> bytes:
    """Return it in msgpack's shortest forms, as far as labels need them."""
    if isinstance(it, int):
        if it < 1 << 7:
            return bytes([it])
        for head, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
            if it < 1 << 8 * size:
                return bytes([head]) + it.to_bytes(size, "big")
    if isinstance(it, str):
        text = it.encode()
        return (bytes([0xA0 | len(text)]) if len(text) < 1 << 5 else b"\xd9" + bytes([len(text)])) + text
    if isinstance(it, list):
        return bytes([0x90 | len(it)]) + b"".join(map(msgpack, it))
    return bytes([0x80 | len(it)]) + b"".join(msgpack(key) + msgpack(value) for key, value in it.items())


def row_of(topic: str, blocks: list[tuple[dict[str, Any], list[int]]]) -> list[Any]:
    """Return a topic's row of the index, from the labels of its blocks and where those stand."""
    held = [label for label, _ in blocks if label["kind"] == "frames"]
    records = sum(label["next"] - label["first"] for label in held)
    size = sum(sum(label["sizes"]) for label in held)
    numbers = [held[0]["first"], held[-1]["next"], records, size, held[0]["oldest"], held[-1]["newest"]]
    return [topic, *numbers, [place for _, place in blocks]]


def golden(page: str, frames: dict[str, bytes]) -> bytes:
    """Return the whole capsule."""
    header = layout(page, "The header of a block")
    made = part(layout(page, "The head"), signature=SIGNATURE, version=1, id=ID)
    rows: dict[str, list[tuple[dict[str, Any], list[int]]]] = {}
    about: dict[str, Any] = {}

    def block(label: dict[str, Any], body: bytes) -> tuple[bytes, list[int]]:
        packed, place = msgpack(label), len(made)
        sizes = {"label": len(packed), "frames": len(body)}
        head = part(header, magic=b"MQCB", id=ID, place=place, label_crc=crc32c(packed), **sizes)
        return head + packed + body, [place, *sizes.values()]

    for row in table(page, "The example capsule"):
        label = json.loads(row["label"])
        whole, place = block(label, b"".join(frames[f"{name}.stamped"] for name in row["frames"].split()))
        made += whole
        if label["kind"] == "about":
            about = {name: it for name, it in label.items() if name != "kind"}
        else:
            rows.setdefault(label["topic"], []).append((label, place))
    topics = [row_of(topic, blocks) for topic, blocks in rows.items()]
    index = len(made)
    made += block({"kind": "index", **about, "topics": topics}, b"")[0]
    return made + part(layout(page, "The end"), index=index, id=ID, magic=b"MQCE")


def main(arguments: list[str]) -> int:
    """Write the file, or check it."""
    if crc32c(b"123456789") != 0xE3069283:
        raise ValueError("this is not CRC-32C")
    lines = map(str.split, FRAMES.read_text("ascii").splitlines())
    text = golden(PAGE.read_text("utf-8"), {name: bytes.fromhex(digits) for name, digits in lines}).hex("\n", 32) + "\n"
    if arguments == ["--check"]:
        return 0 if GOLDEN.is_file() and GOLDEN.read_text("ascii") == text else 1
    GOLDEN.write_text(text, "ascii", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
