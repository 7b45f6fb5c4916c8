# ruff: noqa: S311 - chance here is a seed for the same test each time
"""Damage: never served, always told, its offsets never used again, and all around it still there."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_kit import ALL, SMALL, TOPIC, Box, Seen, checked, numbered, put, read_all, split

from mq.config import Config
from mq.frame import encode, stamp

COUNT = 120
LIMITS = replace(SMALL, segment_bytes=8192)
OTHER = "host/n2/cpu"


class Wounded(Box):
    """A box with a log in it, all of it synced; the frames' places are known."""

    def fill(self, close: bool = True) -> None:
        """Append batches and single records of many sizes, some of whose bodies hold frames."""
        self.config = LIMITS
        journal = self.open()
        self.places: list[tuple[Path, int, int, range]] = []
        self.truth: dict[int, bytes] = {}
        chance = random.Random(5)
        earlier: list[bytes] = []
        for number in range(COUNT):
            self.clock.now += 1000
            records = [numbered(number, chance.randrange(16, 400)) for _ in range(chance.choice([1, 1, 1, 4]))]
            if number % 5 == 4:
                records[0] = self.nested(earlier, number)
            run = put(journal, *records)
            earlier += run.frames
            put(journal, numbered(number, len(records[0])), topic=OTHER)
            path, stop = self.segments()[-1], self.segments()[-1].stat().st_size
            self.places.append((path, stop - run.size, stop, range(run.offset, run.next)))
            self.truth.update(zip(range(run.offset, run.next), records, strict=True))
        self.end = run.next
        if close:
            journal.close()
            self.opened.clear()
        self.kill()

    def nested(self, earlier: list[bytes], number: int) -> bytes:
        """Return a body that holds frames: one that was true, and some that never were."""
        invented = b"".join(
            stamp(checked(TOPIC, b"invented"), offset, self.clock.now + 500, self.clock.now // 10**9)
            for offset in (number + 1, number + 2, 10_000)
        )
        return b"(" + earlier[-1] + invented + b")"

    def hit(self, path: Path, start: int, stop: int) -> set[int]:
        """Return the offsets of the frames that these bytes touch."""
        return {
            offset
            for at, begin, end, offsets in self.places
            if at == path and begin < stop and start < end and start < stop
            for offset in offsets
        }


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Wounded]:
    box = Wounded(tmp_path / "data")
    box.fill()
    yield box
    box.kill()


def _overwrite(path: Path, start: int, data: bytes) -> tuple[int, int]:
    whole = bytearray(path.read_bytes())
    stop = min(start + len(data), len(whole))
    before = bytes(whole[start:stop])
    whole[start:stop] = data[: stop - start]
    path.write_bytes(whole)
    changed = [at for at in range(start, stop) if before[at - start] != whole[at]]
    return (changed[0], changed[-1] + 1) if changed else (start, start)


def zero_sector(path: Path, at: int) -> tuple[int, int]:
    return _overwrite(path, at - at % 512, bytes(512))


def flip_bit(path: Path, at: int) -> tuple[int, int]:
    return _overwrite(path, at, bytes([path.read_bytes()[at] ^ 1 << at % 8]))


def stale_page(path: Path, at: int) -> tuple[int, int]:
    """Put an earlier part of the same file where a later one was."""
    page = at - at % 1024
    data = path.read_bytes()
    return _overwrite(path, page, data[max(0, page - 2048) :][:1024])


def future_page(path: Path, at: int) -> tuple[int, int]:
    """Put a later part of the same file where an earlier one was."""
    page = at - at % 1024
    return _overwrite(path, page, path.read_bytes()[page + 2048 :][:1024])


def page_of_another_topic(path: Path, at: int) -> tuple[int, int]:
    page = at - at % 1024
    other = Path(str(path).replace(TOPIC, OTHER))
    others = sorted(other.parent.glob("@*.log"))
    return _overwrite(path, page, others[0].read_bytes()[page:][:1024])


def random_sector(path: Path, at: int) -> tuple[int, int]:
    return _overwrite(path, at - at % 512, random.Random(at).randbytes(512))


WOUNDS = [zero_sector, flip_bit, stale_page, future_page, page_of_another_topic, random_sector]
Wound = Callable[[Path, int], tuple[int, int]]


def _check(box: Wounded, hurt: set[int], seen: Seen) -> None:
    """See that what was not touched is served as it was, the rest is in gaps, and nothing else is there."""
    assert seen.lost == hurt
    assert seen.records == {offset: box.truth[offset] for offset in box.truth if offset not in hurt}
    assert seen.next == box.end


def _restored(box: Wounded) -> Callable[[], None]:
    saved = box.path.with_name("saved")
    shutil.copytree(box.path, saved)

    def restore() -> None:
        box.kill()
        shutil.rmtree(box.path)
        shutil.copytree(saved, box.path)

    return restore


@pytest.mark.parametrize("wound", WOUNDS)
def test_damage_is_a_gap_and_nothing_around_it_is_lost(box: Wounded, wound: Wound) -> None:
    restore = _restored(box)
    chance = random.Random(wound.__name__)
    for _ in range(40):
        path = chance.choice(box.segments())
        at = chance.randrange(path.stat().st_size)
        hurt = box.hit(path, *wound(path, at))
        files = {each: each.read_bytes() for each in box.segments()}
        journal = box.open()
        _check(box, hurt, read_all(journal))
        for offset in sorted(hurt)[:3]:
            got = journal.read(TOPIC, offset, None, 1)
            assert got.lost is not None
            assert got.lost not in hurt
        assert put(journal, b"new").offset == box.end
        assert all(each.read_bytes().startswith(data) for each, data in files.items())
        assert read_all(box.open()).lost == hurt
        restore()


@pytest.mark.slow
def test_every_byte_of_a_frame_and_its_neighbours(box: Wounded) -> None:
    """Two bits of every byte of a frame whose body holds frames, of the one before and of the one behind."""
    restore = _restored(box)
    path = box.segments()[0]
    first, last = box.places[8], box.places[10]
    for at in range(first[1], last[2]):
        data = path.read_bytes()
        for bit in (at % 8, (at + 5) % 8):
            hurt = box.hit(path, *_overwrite(path, at, bytes([data[at] ^ 1 << bit])))
            journal = box.open()
            seen = Seen()
            got_first = journal.read(TOPIC, 0, None, 1 << 20)
            for frame in split(got_first.frames):
                seen.records.update(enumerate(frame.records(), frame.header.offset))
            got = journal.read(TOPIC, got_first.next, None, 1 << 20)
            for frame in split(got.frames):
                seen.records.update(enumerate(frame.records(), frame.header.offset))
            assert got.lost == max(hurt) + 1
            served = {offset: box.truth[offset] for offset in range(got.next) if offset not in hurt}
            assert seen.records == served
            path.write_bytes(data)
    restore()


@pytest.mark.parametrize("wounds", [2, 3, 5, 12])
def test_many_wounds_at_once(box: Wounded, wounds: int) -> None:
    restore = _restored(box)
    chance = random.Random(wounds)
    for _ in range(25):
        hurt: set[int] = set()
        for _ in range(wounds):
            path = chance.choice(box.segments())
            at = chance.randrange(path.stat().st_size)
            hurt |= box.hit(path, *chance.choice([zero_sector, flip_bit, random_sector])(path, at))
        _check(box, hurt, read_all(box.open()))
        restore()


def test_a_stale_page_behind_a_flipped_bit_costs_only_what_it_covers(box: Wounded) -> None:
    restore = _restored(box)
    for path in box.segments():
        size = path.stat().st_size
        for page in range(2048, size, 1024):
            hurt = box.hit(path, *flip_bit(path, 100))
            hurt |= box.hit(path, *stale_page(path, page))
            _check(box, hurt, read_all(box.open()))
            restore()


def test_a_missing_segment_is_a_gap(box: Wounded) -> None:
    restore = _restored(box)
    assert len(box.segments()) > 4
    for which in range(1, len(box.segments())):
        path = box.segments()[which]
        hurt = box.hit(path, 0, 1 << 40)
        path.unlink()
        for life in range(3):
            journal = box.open()
            seen = read_all(journal)
            assert seen.lost == hurt
            assert put(journal, b"new").offset == box.end + life
            assert [record for offset, record in seen.records.items() if offset >= box.end] == [b"new"] * life
        restore()


def test_all_segments_missing_is_a_gap_too(box: Wounded) -> None:
    for path in box.segments():
        path.unlink()
    for life in range(3):
        journal = box.open()
        assert put(journal, b"new").offset == box.end + life
        assert journal.topics(ALL, None, 1)[0][0].first == box.end


def test_swapped_segments_are_a_gap(box: Wounded) -> None:
    first, second = box.segments()[1:3]
    data = first.read_bytes()
    hurt = box.hit(first, 0, 1 << 40) | box.hit(second, 0, 1 << 40)
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    _check(box, hurt, read_all(box.open()))


def test_a_segment_of_another_topic_is_a_gap(box: Wounded) -> None:
    path = box.segments()[1]
    shutil.copyfile(sorted(box.directory(OTHER).glob("@*.log"))[1], path)
    _check(box, box.hit(path, 0, 1 << 40), read_all(box.open()))


def test_bytes_put_in_between_or_taken_out_cost_only_what_they_touch(box: Wounded) -> None:
    restore = _restored(box)
    path, start, stop, offsets = box.places[20]
    data = path.read_bytes()
    for changed, hurt in (
        (data[:start] + b"garbage" + data[start:], set()),
        (data[: start + 30] + b"garbage" + data[start + 30 :], set(offsets)),
        (data[:start] + data[stop:], set(offsets)),
        (data[: start + 10] + data[stop:], set(offsets)),
    ):
        path.write_bytes(changed)
        seen = read_all(box.open())
        assert seen.lost == hurt
        assert len(seen.records) == box.end - len(hurt)
        restore()


@pytest.mark.parametrize("wound", [zero_sector, flip_bit, random_sector])
def test_damage_past_the_mark_with_good_frames_behind_is_a_gap(tmp_path: Path, wound: Wound) -> None:
    box = Wounded(tmp_path / "data")
    box.fill(close=False)
    restore = _restored(box)
    path = box.segments()[-1]
    ends = [place for place in box.places if place[0] == path]
    for at in range(0, ends[-1][1] - 1024, 97):
        hurt = box.hit(path, *wound(path, at))
        for life in range(2):
            journal = box.open()
            seen = read_all(journal)
            assert seen.lost == hurt
            assert put(journal, b"new").offset == box.end + life
        restore()
    box.kill()


def test_the_last_frame_damaged_is_not_the_last_frame_served(box: Wounded) -> None:
    path, start, stop, _ = box.places[-1]
    flip_bit(path, (start + stop) // 2)
    journal = box.open()
    (frame,) = split(journal.last([ALL[0]], None, 1)[0])
    assert frame.header.next_offset == box.places[-1][3].start
    for each in box.places:
        if each[0] == path:
            flip_bit(path, each[1])
    journal = box.open()
    (frame,) = split(journal.last([ALL[0]], None, 1)[0])
    assert frame.header.next_offset == int(path.name[1:21])
    put(journal, b"new")
    assert split(journal.last([ALL[0]], None, 1)[0])[0].body == b"new"


def test_time_and_positions_are_answered_around_damage(box: Wounded) -> None:
    epoch = box.open().epoch - 1
    path, start, _, offsets = box.places[30]
    flip_bit(path, start + 5)
    journal = box.open()
    before, behind = box.places[29][3], box.places[31][3]
    appended = {frame.header.offset: frame.header.appended for frame in split(read_all(journal).frames)}
    assert journal.offset_at(TOPIC, appended[before.start]) == before.start
    assert journal.offset_at(TOPIC, appended[before.start] + 1) == behind.start
    for offset in range(1, box.end + 1):
        assert journal.read(TOPIC, offset, epoch, 1).next > offset or offset == box.end
    assert offsets


def test_a_body_that_is_a_whole_log_is_only_a_body(tmp_path: Path) -> None:
    box = Box(tmp_path / "data", Config())
    journal = box.open()
    put(journal, b"first")
    inner = b"".join(put(journal, numbered(number)).frames[0] for number in range(20))
    put(journal, inner)
    put(journal, encode(TOPIC, [b"x"], produced=1))
    put(journal, b"last")
    journal.close()
    box.opened.clear()
    path = box.segments()[-1]
    at = path.read_bytes().rindex(inner[:200])
    for where in range(at - len(TOPIC) - 65, at):
        data = path.read_bytes()
        flip_bit(path, where)
        seen = read_all(box.open())
        assert seen.lost == {21}
        assert seen.records[23] == b"last"
        box.kill()
        path.write_bytes(data)
