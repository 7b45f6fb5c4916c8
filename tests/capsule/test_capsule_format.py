"""The format: what goes in comes out, the golden file both ways, and what its parts make of anything."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pytest
from capsule_kit import ABOUT, EXAMPLE, Lack, capsule, frame, read_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mq.capsule import labels, layout
from mq.capsule.check import check
from mq.capsule.file import CapsuleFile
from mq.capsule.labels import DAMAGED, TRIMMED, About, Frames, Index, Lost, Row
from mq.capsule.layout import Block, End, Head
from mq.capsule.reader import Capsule
from mq.capsule.writing import CapsuleWriter
from mq.errors import CapsuleDamaged, CapsuleUnusable, Gap
from mq.frame import split

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "data" / "golden"
MAKER = GOLDEN / "make_capsule.py"
WHOLE = bytes.fromhex((GOLDEN / "capsule.hex").read_text("ascii"))
U64 = st.integers(0, 2**64 - 1)
topics = st.from_regex(r"[a-z]{1,3}(/[a-z]{1,2})?", fullmatch=True)
parts = st.lists(st.binary(max_size=60), min_size=1, max_size=4).map(tuple) | st.builds(
    Lack, st.integers(1, 9), st.sampled_from([DAMAGED, TRIMMED])
)
one_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """Return the golden capsule as a file."""
    path = tmp_path / "golden.mq"
    path.write_bytes(WHOLE)
    return path


@one_file
@given(st.dictionaries(topics, st.lists(parts, max_size=6), min_size=1, max_size=4), st.integers(1, 400))
def test_what_goes_in_comes_out(tmp_path: Path, told: dict[str, Any], block_bytes: int) -> None:
    """Records with their offsets, and between them what is not there, however the blocks are cut."""
    path = tmp_path / "x.mq"
    path.write_bytes(capsule(told, block_bytes=block_bytes))
    seen = read_all(path)
    records, events = [], []
    for topic, its in told.items():
        offset = 10
        for part in its:
            if isinstance(part, Lack):
                events.append((topic, offset, part.why))
                offset += part.offsets
            else:
                records += [(topic, offset + step, body) for step, body in enumerate(part)]
                offset += len(part)
    assert [(it.topic, it.offset, it.body) for it in seen.records] == records
    assert [
        (it.topic, it.first, DAMAGED) if isinstance(it, Gap) else (it.topic, it.wanted, TRIMMED) for it in seen.events
    ] == events
    report = check(str(path))
    assert report.whole
    assert (report.records, len(report.lost)) == (len(records), len(events))


def test_the_golden_file_is_what_the_page_says() -> None:
    done = subprocess.run([sys.executable, str(MAKER), "--check"], check=False, timeout=60)
    assert done.returncode == 0


def test_the_maker_imports_nothing_of_ours() -> None:
    imports = [line for line in MAKER.read_text("utf-8").splitlines() if line.startswith(("import", "from"))]
    assert {line.split()[1] for line in imports} == {"__future__", "crc32c", "json", "pathlib", "sys", "typing"}


def test_our_writer_makes_the_golden_bytes(golden: Path) -> None:
    """From the frames of the other golden file."""
    digits = dict(map(str.split, (GOLDEN / "frames.hex").read_text("ascii").splitlines()))

    def frames(*names: str) -> list[Any]:
        return list(split(bytes.fromhex("".join(digits[f"{name}.stamped"] for name in names))))

    out = bytearray()
    made = runpy.run_path(str(MAKER))
    about = About(["host/#"], 1_700_000_000_000_000_000, 1_700_000_001_000_000_000, 1_700_000_060_000_000_000)
    writer = CapsuleWriter(out.extend, about, made["ID"], block_bytes=166)  # so that the third of mem is a block
    writer.begin("host/node1/cpu")
    for each in frames("single-record", "batch-of-3"):
        writer.take(each)
    writer.lose(45, 50, DAMAGED)
    writer.begin("host/node1/mem")
    writer.lose(0, 1, TRIMMED)
    for each in frames("ack-written", "ack-durable", "batch-ack-durable"):
        writer.take(each)
    writer.finish()
    assert bytes(out).hex("\n", 32) == WHOLE.hex("\n", 32)


def test_our_reader_reads_the_golden_bytes(golden: Path) -> None:
    seen = read_all(golden)
    assert [(it.topic, it.offset, it.body) for it in seen.records] == [
        ("host/node1/cpu", 41, b"hello"),
        ("host/node1/cpu", 42, b"\1"),
        ("host/node1/cpu", 43, b""),
        ("host/node1/cpu", 44, b"\2\3"),
        ("host/node1/mem", 1, b"\x82\xa4name"),
        ("host/node1/mem", 2, b"{}"),
        ("host/node1/mem", 3, b"one"),
        ("host/node1/mem", 4, b"two"),
    ]
    assert check(str(golden)).whole
    with Capsule(str(golden)) as opened:
        assert opened.about == About(["host/#"], 17 * 10**17, 17 * 10**17 + 10**9, 17 * 10**17 + 6 * 10**10)
        assert [(row.topic, row.first, row.next, row.records) for row in opened.topics] == [
            ("host/node1/cpu", 41, 45, 4),
            ("host/node1/mem", 1, 5, 4),
        ]


def test_a_newer_version_is_refused_by_name(golden: Path) -> None:
    golden.write_bytes(layout.encode_head(Head(2, 7)) + WHOLE[layout.HEAD_SIZE :])
    with pytest.raises(CapsuleUnusable, match="is a capsule of version 2, only 1 is known here: use a newer MiniMQ"):
        Capsule(str(golden))


@given(U64, U64)
def test_head_and_end_come_back(identity: int, at: int) -> None:
    assert layout.decode_head(layout.encode_head(Head(1, identity))) == Head(1, identity)
    assert layout.decode_end(layout.encode_end(End(at, identity))) == End(at, identity)


@given(U64, U64, st.binary(max_size=90), st.integers(0, layout.PART_BYTES_MAX))
def test_a_header_comes_back_where_it_stands_and_nowhere_else(identity: int, at: int, label: bytes, size: int) -> None:
    block = Block(at, len(label), size)
    header = layout.encode_block(identity, block, label)
    assert header.endswith(label)
    found = layout.decode_block(header, identity, at)
    assert found is not None
    assert found[0] == block
    assert layout.decode_block(header, identity, at ^ 1) is None
    assert layout.decode_block(header, identity ^ 1, at) is None


def test_a_part_that_is_too_large_is_not_believed() -> None:
    header = layout.encode_block(1, Block(0, 0, layout.PART_BYTES_MAX + 1), b"")
    assert layout.decode_block(header, 1, 0) is None


numbers = st.lists(U64, min_size=2, max_size=2).map(sorted)
rows = st.builds(Row, topics, U64, U64, U64, U64, U64, U64, st.lists(st.builds(Block, U64, st.just(9), st.just(5))))
abouts = st.builds(
    lambda patterns, span, made: About(patterns, span[0], span[1], made), st.lists(st.text()), numbers, U64
)


@given(
    abouts
    | st.builds(Index, abouts, st.lists(rows, max_size=3))
    | st.builds(
        lambda topic, span, why: Lost(topic, span[0], span[1], why),
        topics,
        numbers,
        st.sampled_from([DAMAGED, TRIMMED]),
    )
    | st.builds(
        lambda topic, first, span, sizes: Frames(topic, first, first + 1, span[0], span[1], sizes),
        topics,
        st.integers(0, 2**64 - 2),
        numbers,
        st.lists(U64),
    )
)
def test_a_label_comes_back(label: labels.Label) -> None:
    assert labels.decode(labels.encode(label)) == label


leaves = st.none() | st.booleans() | st.integers(-5, 2**64 - 1) | st.text(max_size=5) | st.binary(max_size=5)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner))
names = [
    "kind",
    "topic",
    "first",
    "next",
    "oldest",
    "newest",
    "sizes",
    "why",
    "patterns",
    "start",
    "stop",
    "made",
    "topics",
]
kinds = st.sampled_from(["about", "frames", "lost", "index", "x"])
maps = st.dictionaries(st.sampled_from(names), trees)


@given(st.binary(max_size=60) | st.builds(lambda found, kind: msgpack.packb(found | {"kind": kind}), maps, kinds))
def test_anything_is_a_label_or_none_and_nothing_else(data: bytes) -> None:
    label = labels.decode(data)
    assert label is None or labels.decode(labels.encode(label)) == label


def test_memory_is_bounded_by_one_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither writing nor reading nor checking ever has more in its hands than a block and one frame."""
    path = tmp_path / "x.mq"
    taken: list[int] = []
    with path.open("wb") as file:

        def write(data: bytes) -> None:
            taken.append(len(data))
            file.write(data)

        writer = CapsuleWriter(write, ABOUT)
        writer.begin("a")
        for offset in range(3_000):
            writer.take(frame("a", bytes(1_000), offset=offset))
        writer.finish()
    assert max(taken) < 257 << 10
    read = CapsuleFile.read

    def bounded(file: CapsuleFile, at: int, size: int) -> bytes:
        taken.append(size)
        return read(file, at, size)

    monkeypatch.setattr(CapsuleFile, "read", bounded)
    assert check(str(path)).records == len(read_all(path).records) == 3_000
    assert max(taken) < 257 << 10


def test_the_example_has_each_kind_of_thing() -> None:
    assert {type(part).__name__ for its in EXAMPLE.values() for part in its} == {"tuple", "Lack"}
    assert issubclass(CapsuleDamaged, Gap)
