"""Segments kept open: no more than half of what the process may open, fewer when others have taken the rest."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest
from journal_faults import FaultyFiles

from mq.journal.open_files import OPEN_LEAST, OpenFiles


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    return [str(tmp_path / f"{number}.log") for number in range(100)]


def open_in(directory: Path) -> set[str]:
    """Return the names of the files in a directory that this process has open."""
    links = [Path(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    targets = [link.resolve() for link in links if link.exists()]
    return {path.name for path in targets if path.parent == directory}


def get_all(open_files: OpenFiles, paths: list[str]) -> None:
    for path in paths:
        os.write(open_files.get(path, new=True), b"x")


def test_the_one_longest_unused_is_closed_first(files: FaultyFiles, paths: list[str], tmp_path: Path) -> None:
    open_files = OpenFiles(files, 8)
    get_all(open_files, paths[:8])
    get_all(open_files, [paths[0], paths[8]])
    assert open_in(tmp_path) == {f"{number}.log" for number in (0, 2, 3, 4, 5, 6, 7, 8)}
    open_files.close()
    assert open_in(tmp_path) == set()


def test_half_of_what_the_process_may_open_is_left_to_others(
    files: FaultyFiles, paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    open_files = OpenFiles(files, 4096)
    get_all(open_files, paths)
    assert len(open_in(tmp_path)) == 50
    open_files.close()


def test_where_none_is_left_half_are_given_back_and_appending_goes_on(
    files: FaultyFiles, paths: list[str], tmp_path: Path
) -> None:
    open_files = OpenFiles(files, 41)
    get_all(open_files, paths[:41])
    files.add("open", ".log", errno.EMFILE, times=1)
    get_all(open_files, paths[41:])
    assert len(open_in(tmp_path)) == 20
    assert all(Path(path).read_bytes() == b"x" for path in paths)
    open_files.close()


def test_a_few_are_kept_open_whatever_others_take(files: FaultyFiles, paths: list[str], tmp_path: Path) -> None:
    open_files = OpenFiles(files, 40)
    get_all(open_files, paths[:1])
    for path in paths[1:]:
        files.add("open", path, errno.EMFILE, times=1)
        get_all(open_files, [path])
    get_all(open_files, paths)
    assert len(open_in(tmp_path)) == OPEN_LEAST
    open_files.close()


def test_with_none_to_give_back_it_is_refused(files: FaultyFiles, paths: list[str]) -> None:
    open_files = OpenFiles(files, 40)
    files.add("open", ".log", errno.EMFILE, times=1)
    with pytest.raises(OSError, match="Too many open files"):
        open_files.get(paths[0], new=True)
    get_all(open_files, paths[:1])
    open_files.close()
