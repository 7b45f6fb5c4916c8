"""A data directory that cannot be used is named, with what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mq.journal.unusable import unusable

ANOTHER = 65_534


def said(data: str, code: int, name: str = "lock") -> str:
    return str(unusable(data, OSError(code, os.strerror(code), f"{data}/{name}")))


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EROFS, "; mount a volume there that can be written to"),
        (errno.ENOSPC, "; delete something on its disk, or give it a larger one"),
        (errno.EDQUOT, "; delete something on its disk, or give it a larger one"),
        (errno.EIO, ""),
    ],
)
def test_the_file_the_reason_and_what_to_do(code: int, advice: str) -> None:
    assert said("/d", code) == (
        f"/d cannot be used (/d/lock: {os.strerror(code)}{advice}): mend that, or name another with --data"
    )


@pytest.fixture
def somebody_elses(tmp_path: Path) -> tuple[str, int]:
    """Return a directory that is another's, and whose."""
    if os.geteuid() != 0:
        return "/", 0
    os.chown(tmp_path, ANOTHER, ANOTHER)
    return str(tmp_path), ANOTHER


def test_what_belongs_to_another_is_told_with_how_to_make_it_ours(somebody_elses: tuple[str, int]) -> None:
    data, owner = somebody_elses
    whose = f"; it belongs to user {owner}, and this is user {os.geteuid()}: chown -R {os.geteuid()} {data})"
    assert whose in str(unusable(data, PermissionError(errno.EACCES, "Permission denied", data)))
    assert whose in str(unusable(data, PermissionError(errno.EACCES, "Permission denied", os.path.join(data, "new"))))


def test_what_is_ours_and_refused_all_the_same_is_not_blamed_on_its_owner(tmp_path: Path) -> None:
    assert said(str(tmp_path), errno.EACCES).endswith("Permission denied): mend that, or name another with --data")


def test_a_relative_directory_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said("data", errno.EIO).startswith(f"{tmp_path}/data cannot be used ({tmp_path}/data/lock: ")
    assert str(unusable("data", OSError(errno.EIO, "Broken"))).startswith(f"{tmp_path}/data cannot be used ({tmp_path}")
