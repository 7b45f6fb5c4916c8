"""The note that a program leaves: what was said is read, and whatever stands there is read to its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mq.health.note import NOTE_BYTES_MAX, VARIABLE, Note, from_here, leave, read

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=40)
TROUBLES = st.lists(WORDS.filter(bool), max_size=5).map(tuple)
ANY_PLACE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(url=WORDS, broker=WORDS, until=st.none() | st.integers(0, 10**9).map(float), troubles=TROUBLES)
@ANY_PLACE
def test_what_is_left_is_read(
    tmp_path: Path, url: str, broker: str, until: float | None, troubles: tuple[str, ...]
) -> None:
    note = Note(url, broker, until, troubles)
    leave(note, {VARIABLE: str(tmp_path / "health")})
    assert read(str(tmp_path / "health")) == note


def test_a_trouble_of_several_lines_is_one(tmp_path: Path) -> None:
    leave(Note(troubles=("no\nurl http://elsewhere/",)), {VARIABLE: str(tmp_path / "health")})
    assert read(str(tmp_path / "health")) == Note(troubles=("no url http://elsewhere/",))


@given(body=st.binary(max_size=200))
@ANY_PLACE
def test_any_file_is_read(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "health").write_bytes(body)
    assert isinstance(read(str(tmp_path / "health")), Note)


def test_a_file_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    (tmp_path / "health").write_text("trouble x\n" * NOTE_BYTES_MAX)
    assert 0 < len(read(str(tmp_path / "health")).troubles) <= NOTE_BYTES_MAX // 10 + 1


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}, {VARIABLE: "/proc/none/health"}])
def test_where_none_can_be_left_nothing_happens(environ: dict[str, str]) -> None:
    leave(Note("http://h/"), environ)


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("http://*:1/p", "http://127.0.0.1:1/p"),
        ("http://0.0.0.0:1/p", "http://127.0.0.1:1/p"),
        ("http://[::]:1/p", "http://[::1]:1/p"),
        ("http://10.0.0.5:1/p", "http://10.0.0.5:1/p"),
        ("http://[fe80::1]:1/p", "http://[fe80::1]:1/p"),
    ],
)
def test_all_addresses_are_asked_at_the_nearest(listens: str, asked: str) -> None:
    assert from_here(listens) == asked
