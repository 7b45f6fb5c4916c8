"""The golden frames: bytes that another program made from ``docs/wire.md``, against ours, both ways."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mq.errors import FrameRefused
from mq.frame import HEADER_SIZE, UNSTORED, Wanted, ack_key, check, encode, parse, stamp, stamp_unstored

ROOT = Path(__file__).parents[1]
MAKER = ROOT / "tests" / "data" / "golden" / "make_golden.py"
PAGE = (ROOT / "docs" / "wire.md").read_text("utf-8")
GOLDEN = {
    name: bytes.fromhex(digits)
    for name, digits in map(str.split, MAKER.with_name("frames.hex").read_text("ascii").splitlines())
}
MADE = runpy.run_path(str(MAKER))
EXAMPLES: list[Any] = MADE["examples"](PAGE)
ZSTD = 0b10
UNCOMPRESSED = [example for example in EXAMPLES if not example.flags & ZSTD]  # our producers do not compress

each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


def run_check(maker: Path) -> int:
    return subprocess.run([sys.executable, str(maker), "--check"], check=False, timeout=60).returncode


def test_the_golden_file_is_what_the_page_of_the_wire_says() -> None:
    assert run_check(MAKER) == 0


@pytest.mark.parametrize(
    ("wound", "exit_status"), [(lambda text: text, 0), (lambda text: text.replace("00", "01", 1), 1), (lambda _: "", 1)]
)
def test_a_golden_file_that_differs_is_noticed(tmp_path: Path, wound: Any, exit_status: int) -> None:
    golden = tmp_path / "tests" / "data" / "golden"
    golden.mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "wire.md").write_text(PAGE, "utf-8")
    (golden / "make_golden.py").write_text(MAKER.read_text("utf-8"), "utf-8")
    (golden / "frames.hex").write_text(wound(MAKER.with_name("frames.hex").read_text("ascii")), "ascii")
    assert run_check(golden / "make_golden.py") == exit_status


def test_the_golden_file_has_every_example_fresh_and_stamped() -> None:
    names = [example.name for example in EXAMPLES]
    assert len(names) >= 8
    assert list(GOLDEN) == [f"{name}{suffix}" for name in names for suffix in ("", ".stamped")]


def test_the_maker_imports_nothing_of_ours() -> None:
    imported = set()
    for node in ast.walk(ast.parse(MAKER.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    assert imported == {"__future__", "crc32c", "json", "pathlib", "sys", "typing"}


@pytest.mark.parametrize("example", UNCOMPRESSED, ids=lambda example: example.name)
def test_our_producers_make_the_golden_bytes(example: Any) -> None:
    ours = encode(
        example.topic,
        example.records,
        produced=example.produced,
        producer=example.producer,
        sequence=example.sequence,
        batch=bool(example.flags & 1),
        wanted=Wanted(example.flags >> 3),
    )
    assert ours.hex(" ") == GOLDEN[example.name].hex(" ")


@each
def test_our_broker_stamps_the_golden_bytes(example: Any) -> None:
    ours = stamp(check(GOLDEN[example.name]), **example.stamp)
    assert ours.hex(" ") == GOLDEN[f"{example.name}.stamped"].hex(" ")


@each
def test_our_readers_take_the_golden_bytes_apart(example: Any) -> None:
    frame = parse(GOLDEN[f"{example.name}.stamped"])
    header = frame.header
    assert (frame.topic, frame.records()) == (example.topic, example.records)
    assert (header.flags, header.count) == (example.flags, len(example.records))
    assert (header.producer, header.sequence, header.produced) == example[3:6]
    assert {name: getattr(header, name) for name in example.stamp} == example.stamp


@each
def test_our_broker_checks_the_golden_bytes_and_knows_whom_to_answer(example: Any) -> None:
    assert ack_key(check(GOLDEN[example.name])) == (example.topic, example.producer, example.sequence)


@each
def test_a_fresh_golden_frame_is_not_taken_for_a_stamped_one(example: Any) -> None:
    with pytest.raises(FrameRefused):
        parse(GOLDEN[example.name])


def test_the_unstored_golden_frame_is_what_the_broker_sends_without_a_journal() -> None:
    (example,) = (one for one in EXAMPLES if one.name == "unstored")
    assert example.stamp["offset"] == UNSTORED
    ours = stamp_unstored(check(GOLDEN["unstored"]), example.stamp["appended"])
    assert ours == GOLDEN["unstored.stamped"]


def test_the_frame_that_the_page_spells_out_is_the_golden_one() -> None:
    block = PAGE.rsplit("```", 2)[1]
    lines = [line.split("  ", 1) for line in block.strip().splitlines()]
    assert bytes.fromhex("".join(digits for digits, _ in lines)) == GOLDEN["single-record.stamped"]
    assert [name.strip() for _, name in lines] == ["topic", "NUL", *MADE["layout"](PAGE), "body"]
    assert sum(len(bytes.fromhex(digits)) for digits, _ in lines[2:-1]) == HEADER_SIZE
