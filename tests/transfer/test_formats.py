"""What is exported in any format is what an import reads from it, to the byte and the nanosecond."""

from __future__ import annotations

from pathlib import Path

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mq.client.message import Message
from mq.transfer.formats import format_of
from mq.transfer.readers import read_rows
from mq.transfer.records import Record, record_of
from mq.transfer.rows import row_of

NANOSECONDS = st.integers(0, 2**64 - 1)
BODIES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.dictionaries(st.text(max_size=4), st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=4)).map(
        msgpack.packb
    ),
)
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["a", "host/n1/cpu"]), st.integers(0, 2**40), NANOSECONDS, NANOSECONDS, BODIES),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet"])
@given(parts=st.lists(MESSAGES, min_size=1, max_size=3))
@example(parts=[[Message("a", 0, 0, 0, b"\r"), Message("a", 1, 0, 0, b"\r\x01\r\n\n"), Message("a", 2, 0, 0, b"")]])
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, parts: list[list[Message]]
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    path = folder / f"out{suffix}"
    form = format_of(path)
    paths: list[Path] = [folder / str(number) for number in range(len(parts))]
    for each, messages in zip(paths, parts, strict=True):
        form.write(each, [row_of(message) for message in messages])
    form.join(path, paths)
    found = [record_of(fields, None, None) for _, fields in read_rows(path)]
    lost_from = 2**63 if suffix == ".parquet" else 2**64  # there Parquet has no time
    assert found == [
        Record(it.topic, it.produced if it.produced < lost_from else None, it.body)
        for messages in parts
        for it in messages
    ]
