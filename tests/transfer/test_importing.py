"""What rows become, and how an import that cannot go on says how it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.errors import MqError, TimedOut
from mq.transfer.formats import iso
from mq.transfer.importing import Import, Stopped
from mq.transfer.readers import read_rows
from mq.transfer.records import BadFields, moment, record_of

MOMENT = 1_795_489_920_000_000_000  # 2026-11-24T03:12Z


class Answer:
    """An answer that is there, or an error."""

    def __init__(self, error: MqError | None) -> None:
        self.error, self.done = error, error is None

    def result(self, timeout: float | None = None) -> None:  # noqa: ARG002 - it never waits
        """Raise the error, if it is one."""
        if self.error is not None:
            raise self.error


class Taker:
    """Takes frames, and fails from one on."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.frames: list[tuple[str, list[bytes], int | None]] = []
        self._fails_at = fails_at

    def send_many(self, topic: str, bodies: list[bytes], *, produced: int | None = None) -> Any:
        """Remember a frame."""
        self.frames.append((topic, bodies, produced))
        failed = self._fails_at is not None and len(self.frames) > self._fails_at
        return Answer(TimedOut("send", 1.0) if failed else None)


def imported(tmp_path: Path, text: str, *, topic: str | None = "t", skip: int = 0, name: str = "in.csv") -> Taker:
    path = tmp_path / name
    path.write_text(text)
    taker = Taker()
    Import(taker, 1.0, skip).run(path, topic, None)
    return taker


@pytest.mark.parametrize(
    "written",
    [
        *("2026-11-24T03:12:00Z", "2026-11-24 04:12:00+01:00", "24 Nov 2026 03:12 UTC", "1795489920", "1795489920.0"),
        *(1795489920, 1795489920000, 1795489920000000, 1795489920000000000, "2026-11-24T03:12:00.000000000Z"),
    ],
)
def test_a_time_may_be_written_in_any_form(written: Any) -> None:
    assert moment("time", written) == MOMENT


@pytest.mark.parametrize("written", ["", "soon", "-15m", "now", -1, "1e30", float("nan"), float("inf"), None, True, []])
def test_what_is_no_time_or_another_each_day_is_refused(written: Any) -> None:
    with pytest.raises(BadFields, match="column 'when'"):
        moment("when", written)


@given(st.integers(0, 2**64 - 1))
def test_nanoseconds_of_iso_times_stay(time: int) -> None:
    assert moment("time", iso(time)) == time


def test_a_table_with_a_time_becomes_maps_as_samples_are(tmp_path: Path) -> None:
    text = "\ufeffTimestamp;value;room;code;empty\n2026-11-24T03:12Z;21.5;A 1;007;\n"
    ((topic, (body,), produced),) = imported(tmp_path, text).frames
    assert (topic, produced) == ("t", MOMENT)
    assert msgpack.unpackb(body) == {"time": MOMENT, "value": 21.5, "room": "A 1", "code": "007"}


def test_rows_of_one_topic_and_time_share_a_frame(tmp_path: Path) -> None:
    rows = [("a", 1), ("a", 1), ("a", 2), ("b", 2)]
    text = "topic,produced,encoding,body\n" + "".join(f"{topic},{time},text,x\n" for topic, time in rows)
    frames = imported(tmp_path, text, topic=None).frames
    assert [(topic, len(bodies), produced) for topic, bodies, produced in frames] == [
        ("a", 2, 10**9),
        ("a", 1, 2 * 10**9),
        ("b", 1, 2 * 10**9),
    ]


def test_what_tail_shows_as_json_is_taken_too(tmp_path: Path) -> None:
    text = '{"topic": "a", "offset": 0, "time": 1, "produced": 1795489920000000000, "body": {"value": 1}}\n\n'
    text += '{"topic": "a", "body": "text"}\n{"topic": "a", "body": {"base64": "/w=="}}\n'
    frames = imported(tmp_path, text, topic=None, name="in.ndjson").frames
    assert [body for _, bodies, _ in frames for body in bodies] == [msgpack.packb({"value": 1}), b"text", b"\xff"]
    assert frames[0][2] == MOMENT


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("in.csv", "time,value\n2026-11-24,1\nlater,2\n", r"in\.csv, row 2: column 'time': 'later' is not"),
        ("in.csv", "time,value\n2026-11-24,1\n1,2,3\n", "row 2: 3 fields, where there are 2 columns"),
        ("in.csv", 'time,value\n2026-11-24,1\n1,"2\n', "row 2: this is no CSV in UTF-8"),
        ("in.ndjson", '{"time": 1}\n{"time": \n', "row 2: this is no JSON"),
        ("in.ndjson", '{"time": 1}\n[1]\n', "row 2: this is no JSON object"),
        ("in.ndjson", '{"topic": "t", "time": 1}\n{"topic": "a//b", "body": "x"}\n', "row 2: 'a//b' is not a topic"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_with_how_to_go_on(tmp_path: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(Stopped, match=why) as caught:
        imported(tmp_path, text, topic=None if "topic" in text else "t", name=name)
    assert caught.value.rows == 1
    assert "the first row is stored, --skip 1 goes on behind" in str(caught.value)


def test_skipping_goes_on_behind_what_is_stored(tmp_path: Path) -> None:
    assert [produced for *_, produced in imported(tmp_path, "time\n1\n2\n3\n", skip=2).frames] == [3 * 10**9]


def test_an_answer_that_does_not_come_ends_it_with_what_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("time\n1\n2\n3\n4\n")
    with pytest.raises(Stopped, match="--skip 2"):
        Import(Taker(fails_at=2), 1.0).run(path, "t", None)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("in.txt", b"", "is to end in"),
        ("in.csv", b"", "the first line is to name the columns"),
        ("in.csv", b"a,a\n", "the column 'a' is there twice"),
        ("in.csv", b"a\n\xff\n", "no CSV in UTF-8"),
        ("in.parquet", b"PAR1", "is no Parquet that can be read"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MqError, match=why):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize(
    ("fields", "topic", "time"),
    [
        ({"a": 1}, None, None),
        ({"a": 1}, "t", None),
        ({"a": 1}, "t", "b"),
        ({"topic": "a", "body": "{", "encoding": "msgpack"}, None, None),
    ],
)
def test_a_row_without_what_it_needs_says_what(fields: dict[str, Any], topic: str | None, time: str | None) -> None:
    with pytest.raises(BadFields):
        record_of(fields, topic, time)
