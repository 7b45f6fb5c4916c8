"""An export is there whole or not at all, and goes on where it was ended, wherever that was."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mq.client.message import Batch
from mq.client.ranges import Event, Range
from mq.errors import Gap, MqError, Unreachable
from mq.transfer import exporting
from mq.transfer.exporting import Asked, Unfinished, export

RANGES = [Range("a", 2, 7), Range("b/c", 0, 3), Range("d", 5, 6)]
ASKED = Asked(("#",), "-1d", None)
WHOLE = [(topic, offset) for topic, first, stop in RANGES for offset in range(first, stop)]


class Ended(Exception):
    """What ends a run in the middle, as a signal would."""


def ended(*_: object) -> None:
    raise Ended


def never() -> list[Range]:
    raise AssertionError("it was settled already")


def journal(ends_after: int | None = None) -> exporting.Read:
    """Return what reads batches of two records, and ends the run after so many of them."""
    left = [ends_after]

    def read(wanted: Range) -> Iterator[Batch | Event]:
        for offset in range(wanted.first, wanted.stop, 2):
            if left[0] == 0:
                raise Ended
            left[0] = None if left[0] is None else left[0] - 1
            records = [b"%d" % each for each in range(offset, min(offset + 2, wanted.stop))]
            yield Batch(wanted.topic, offset, 10**18 + offset, 10**18, records)

    return read


def written(path: Path) -> list[tuple[str, int]]:
    with path.open(newline="") as file:
        return [(row["topic"], int(row["offset"])) for row in csv.DictReader(file)]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PART_ROWS", 3)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=6))
def test_ended_anywhere_any_number_of_times_it_holds_each_record_once(
    tmp_path_factory: pytest.TempPathFactory, ends: list[int]
) -> None:
    exporting.PART_ROWS = 3
    path = tmp_path_factory.mktemp("export") / "out.csv"
    settle = lambda: RANGES  # noqa: E731 - replaced once it was called
    for after in ends:
        try:
            export(path, ASKED, settle, journal(after))
        except Ended:
            assert not path.exists()
            settle = never
            continue
        break
    else:
        done = export(path, ASKED, settle, journal())
        assert (done.records, done.topics, done.resumed) == (len(WHOLE), 3, bool(ends))
    assert written(path) == WHOLE
    assert [each.name for each in path.parent.iterdir()] == ["out.csv"]


def test_what_was_done_before_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(Ended):
        export(path, ASKED, lambda: RANGES, journal(4))
    asked_for: list[Range] = []

    def read(wanted: Range) -> Iterator[Batch | Event]:
        asked_for.append(wanted)
        return journal()(wanted)

    export(path, ASKED, never, read)
    assert asked_for == [Range("b/c", 1, 3), Range("d", 5, 6)]


def test_what_is_left_of_one_that_is_whole_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    with monkeypatch.context() as patched:
        patched.setattr(exporting, "moved", ended)
        with pytest.raises(Ended):
            export(path, ASKED, lambda: RANGES, journal())
    assert not path.exists()
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", ended)
        with pytest.raises(Ended):
            export(path, ASKED, never, journal(0))
    assert written(path) == WHOLE
    with pytest.raises(MqError, match="is there already"):
        export(path, ASKED, never, journal())
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]
    export(path, ASKED, lambda: RANGES[:1], journal(), overwrite=True)
    assert written(path) == WHOLE[:5]


def test_where_reading_fails_it_says_how_to_go_on(tmp_path: Path) -> None:
    def read(wanted: Range) -> Iterator[Batch | Event]:
        yield from islice(journal()(wanted), 2)
        raise Unreachable("tcp://here:1", 1.0)

    with pytest.raises(Unfinished, match=r"what is done is kept in .*out\.csv\.parts: asked for again, it goes on"):
        export(tmp_path / "out.csv", ASKED, lambda: RANGES, read)
    export(tmp_path / "out.csv", ASKED, never, journal())
    assert written(tmp_path / "out.csv") == WHOLE


def test_a_part_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(Ended):
        export(tmp_path / "out.csv", ASKED, lambda: RANGES, journal(0))
    (tmp_path / "out.csv.parts" / f"part-00000001-00000009-{7:020}-1").touch()
    with pytest.raises(MqError, match=r"-1 is no part of this export: delete .*\.parts"):
        export(tmp_path / "out.csv", ASKED, never, journal())


def test_it_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "TOLD_ROWS", 1)
    told: list[tuple[int, int | None]] = []
    export(tmp_path / "out.csv", ASKED, lambda: RANGES, journal(), lambda *far: told.append(far))
    assert told == [(done, len(WHOLE)) for done in range(1, len(WHOLE) + 1)]


def test_a_gap_is_reported_and_the_rest_is_there(tmp_path: Path) -> None:
    def read(wanted: Range) -> Iterator[Batch | Event]:
        yield Gap(wanted.topic, wanted.first, wanted.stop - 1)
        yield Batch(wanted.topic, wanted.stop - 1, 0, 0, [b"last"])

    done = export(tmp_path / "out.ndjson", ASKED, lambda: RANGES, read)
    assert (done.records, len(done.events)) == (3, 3)
    lines = (tmp_path / "out.ndjson").read_text().splitlines()
    assert [json.loads(line)["offset"] for line in lines] == [6, 2, 5]


def test_another_export_under_the_same_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(Ended):
        export(path, ASKED, lambda: RANGES, journal(0))
    with pytest.raises(MqError, match="holds an unfinished export of # from -1d to the end: delete it"):
        export(path, Asked(("#",), None, None), lambda: RANGES, journal())
    with exporting._locked(tmp_path / "out.csv.parts"), pytest.raises(MqError, match="another export is at work"):
        export(path, ASKED, lambda: RANGES, journal())


def test_a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(MqError, match="is there already"):
        export(path, ASKED, lambda: RANGES, journal())
    assert path.read_text() == "mine"
    export(path, ASKED, lambda: RANGES, journal(), overwrite=True)
    assert written(path) == WHOLE


@pytest.mark.parametrize("plan", ["", "[]", "{}", '{"patterns": [], "start": null, "stop": null, "ranges": [[1, 2]]}'])
def test_a_plan_that_is_none_is_named(tmp_path: Path, plan: str) -> None:
    (tmp_path / "out.csv.parts").mkdir()
    (tmp_path / "out.csv.parts" / "plan.json").write_text(plan)
    with pytest.raises(MqError, match=r"plan\.json is no plan of an export"):
        export(tmp_path / "out.csv", ASKED, never, journal())


def test_a_name_says_the_format(tmp_path: Path) -> None:
    with pytest.raises(MqError, match=r"is to end in \.parquet, \.csv or \.ndjson"):
        export(tmp_path / "out.xlsx", ASKED, never, journal())
