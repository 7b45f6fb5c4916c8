"""Bytes that moved: what is appended after such damage must not stand where a damaged header reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from journal_kit import Box, fill, numbered, put, read_all

from mq.config import Config

COUNT = 10
PUSHED_IN = b"1234567"
Wound = Callable[[bytes], bytes]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "data")
    yield box
    box.kill()


def shifted(log: bytes) -> bytes:
    at = len(log) * 3 // COUNT
    return (log[:at] + PUSHED_IN + log[at:])[: len(log)]


def inserted(log: bytes) -> bytes:
    at = len(log) * 3 // COUNT
    return log[:at] + PUSHED_IN + log[at:]


def deleted(log: bytes) -> bytes:
    at = len(log) * 3 // COUNT
    return log[:at] + log[at + len(PUSHED_IN) :]


def last_swapped_with_the_one_before(log: bytes) -> bytes:
    size = len(log) // COUNT
    return log[: -2 * size] + log[-size:] + log[-2 * size : -size]


@pytest.mark.parametrize("wound", [shifted, inserted, deleted, last_swapped_with_the_one_before])
@pytest.mark.parametrize("size", [30, 5_000])
def test_what_is_appended_behind_bytes_that_moved_is_served(box: Box, wound: Wound, size: int) -> None:
    journal = box.open(Config())
    fill(journal, COUNT, size=size)
    journal.checkpoint()
    box.kill()
    (log,) = box.segments()
    wounded = wound(log.read_bytes())
    log.write_bytes(wounded)
    journal = box.open(Config())
    first = put(journal, b"new").offset
    assert first >= COUNT
    put(journal, b"newer")
    for _ in range(2):
        records = read_all(journal).records
        assert (records.pop(first), records.pop(first + 1)) == (b"new", b"newer")
        assert all(record == numbered(offset, size) for offset, record in records.items())
        journal = box.open(Config())
    assert log.read_bytes() == wounded
