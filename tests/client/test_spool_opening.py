"""What a new life finds in a directory: its own, somebody else's, or what damage has left."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from google_crc32c import value

from mq.client.ack import Stored
from mq.client.batch import Batch
from mq.client.producer import Producer
from mq.client.spool import Spool
from mq.client.spool_files import DAMAGED_FILES_MAX
from mq.client.spool_writer import SpoolLimits
from mq.errors import SpoolHeld, SpoolUnusable
from mq.frame import Wanted, pack, split

TOPIC = "host/n1/cpu"
NOBODY = "tcp://127.0.0.1:1"


def open_spool(directory: Path) -> Spool:
    return Spool(str(directory), SpoolLimits(drain_bytes_s=1 << 40), Wanted.WRITTEN)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a spool with five records of an earlier life."""
    path = tmp_path / "spool"
    spool = open_spool(path)
    for number in range(5):
        keep(spool, b"%d" % number)
    spool.close()
    return path


def keep(spool: Spool, body: bytes, topic: str = TOPIC) -> None:
    batch = Batch(topic, 0, produced=7, due=0.0, give_up_at=0.0)
    batch.count = 1
    assert spool.keep(batch, pack(topic, [body]), has_room=False) is False


def left(directory: Path) -> list[bytes]:
    """Return what a new life would send, without sending it."""
    spool = open_spool(directory)
    try:
        batches, _ = spool.feed(0.0, lambda _: True)
        return [batch.content.body for batch in batches if batch.content is not None]
    finally:
        spool.close()


def segment(directory: Path) -> Path:
    return min(path for path in directory.iterdir() if path.stat().st_size)


def test_a_new_life_finds_what_was_left_in_order(directory: Path) -> None:
    assert left(directory) == [b"0", b"1", b"2", b"3", b"4"]
    assert left(directory) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_file_is_frames_one_after_another(directory: Path) -> None:
    frames = list(split(segment(directory).read_bytes()))
    assert [frame.records() for frame in frames if frame.topic == TOPIC] == [[b"%d" % each] for each in range(5)]


def test_a_tail_that_is_torn_anywhere_costs_what_was_not_whole(directory: Path) -> None:
    path = segment(directory)
    data = path.read_bytes()
    size = len(data) // 5
    assert len(data) == 5 * size
    for cut in range(3 * size, len(data) + 1):
        path.write_bytes(data[:cut])
        assert left(directory) == [b"%d" % each for each in range(cut // size)]


def test_a_flipped_bit_in_the_middle_costs_one_frame_and_the_file_is_put_aside_when_it_is_done(directory: Path) -> None:
    path = segment(directory)
    wounded = bytearray(path.read_bytes())
    wounded[len(wounded) // 2] ^= 4
    path.write_bytes(wounded)
    spool = open_spool(directory)
    assert (spool.state.records, spool.state.damaged) == (4, 1)
    batches, _ = spool.feed(0.0, lambda _: True)
    assert [batch.content.body for batch in batches if batch.content] == [b"0", b"1", b"3", b"4"]
    spool.settle([(batch, Stored(0, "written")) for batch in batches])
    assert spool.empty
    assert path.with_suffix(".damaged").read_bytes() == bytes(wounded)
    assert not path.exists()
    spool.close()


def test_of_damaged_files_a_few_are_kept(tmp_path: Path) -> None:
    for number in range(1, DAMAGED_FILES_MAX + 4):
        (tmp_path / f"@{number:020}.frames").write_bytes(b"rubbish")
    spool = open_spool(tmp_path)
    assert spool.state.damaged == DAMAGED_FILES_MAX + 3
    spool.close()
    assert len(list(tmp_path.glob("*.damaged"))) == DAMAGED_FILES_MAX


@pytest.mark.parametrize("name", ["notes.txt", "@1.frames", "@00000000000000000001.frames2", ".hidden"])
def test_somebody_elses_file_is_named_and_nothing_is_touched(directory: Path, name: str) -> None:
    (directory / name).write_text("mine")
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(SpoolUnusable) as caught:
        Producer(NOBODY, spool=directory)
    assert caught.value.path == str(directory / name)
    assert "a directory of its own" in str(caught.value)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(directory: Path, make: object) -> None:
    make(directory / "@00000000000000000009.frames")  # type: ignore[operator]
    with pytest.raises(SpoolUnusable, match=r"@0+9\.frames"):
        open_spool(directory)


def test_a_newer_versions_file_is_refused_whole(directory: Path) -> None:
    path = segment(directory)
    data = bytearray(path.read_bytes())
    head_at = len(TOPIC) + 1 + 60
    data[len(TOPIC) + 3] = 2
    data[head_at : head_at + 4] = struct.pack("<I", value(bytes(data[:head_at])))
    path.write_bytes(data)
    with pytest.raises(SpoolUnusable, match="frames of version 2"):
        open_spool(directory)
    assert path.read_bytes() == bytes(data)


def test_a_directory_that_is_a_file_or_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "spool", Path("/proc/spool")):
        with pytest.raises(SpoolUnusable) as caught:
            Producer(NOBODY, spool=path)
        assert caught.value.path == str(path)


def test_a_second_producer_is_refused_at_once_and_the_first_goes_on(tmp_path: Path) -> None:
    first = Producer(NOBODY, spool=tmp_path / "spool")
    with pytest.raises(SpoolHeld) as caught:
        Producer(NOBODY, spool=tmp_path / "spool")
    assert caught.value.path == str(tmp_path / "spool")
    program = "import sys, mq; mq.Producer(sys.argv[1], spool=sys.argv[2])"
    command = [sys.executable, "-c", program, NOBODY, str(tmp_path / "spool")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert f"is held by process {os.getpid()} or a child of it" in done.stderr
    first.send(TOPIC, b"still mine")
    first.close(0)
    assert left(tmp_path / "spool") == [b"still mine"]


def test_a_producer_that_cannot_be_made_leaves_the_spool_free(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="is not a broker's endpoint"):
            Producer("nonsense", spool=tmp_path / "spool")


def test_limits_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="spool_bytes_max is at least"):
        Producer(NOBODY, spool=tmp_path / "spool", spool_bytes_max=1)
    with pytest.raises(ValueError, match="spool_age_s_max"):
        Producer(NOBODY, spool=tmp_path / "spool", spool_age_s_max=0)
    with pytest.raises(ValueError, match="spool_drain_bytes_s"):
        Producer(NOBODY, spool=tmp_path / "spool", spool_drain_bytes_s=0)
    assert not (tmp_path / "spool").exists()
