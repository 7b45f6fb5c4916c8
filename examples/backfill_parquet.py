"""The past as Parquet: what the journal holds of the topics that a pattern matches, for pandas, DuckDB, Spark.

    pip install 'minimq[export]'
    python examples/backfill_parquet.py 'host/+/cpu' export
    python examples/backfill_parquet.py 'host/+/cpu' export --from 2026-01-01T00:00 --to 2026-01-02T00:00
    python -c "import pyarrow.dataset as d; print(d.dataset('export', partitioning='hive').to_table().to_pandas())"

Each file is a run of one topic's offsets, at most --rows records or 64 MiB of them:
export/topic=host%2Fn1%2Fcpu/FIRST-NEXT.parquet. It has its name only once it is whole. So memory is bounded, and a run
that was cut off, or is made again later, goes on behind the last file of each topic; --from counts where there is none
yet.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import mq

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    sys.exit("backfill_parquet: this needs pyarrow: pip install 'minimq[export]'")

ROWS, BYTES_MAX = 100_000, 64 << 20
BROKER_S_MAX = 5.0
FILE = re.compile(r"\d{20}-(\d{20})\.parquet")
TIME = pa.timestamp("ns", tz="UTC")
SCHEMA = pa.schema([("offset", pa.int64()), ("time", TIME), ("produced", TIME), ("body", pa.binary())])


def main() -> int:
    """Read what is wanted, do it, and return the exit code."""
    wanted = arguments().parse_args()
    try:
        topics = [message.topic for message in mq.last_values(wanted.broker, wanted.pattern, timeout_s=BROKER_S_MAX)]
        for topic in topics:
            export(wanted.broker, topic, wanted.directory, wanted.start, wanted.stop, wanted.rows)
    except KeyboardInterrupt:
        print("ended; run it again, and it goes on from here", file=sys.stderr)
        return 130
    except (mq.MqError, OSError) as error:
        print(f"backfill_parquet: {error}", file=sys.stderr)
        return 1
    print(f"{len(topics)} topics are in {wanted.directory}")
    return 0


def arguments() -> argparse.ArgumentParser:
    """Return what may be typed."""
    parser = argparse.ArgumentParser(description="Write what the journal holds to Parquet files.")
    usual = os.environ.get("MINIMQ_BROKER", "tcp://127.0.0.1:5557")
    parser.add_argument("pattern", help="which topics: + is one segment, a last # the rest")
    parser.add_argument("directory", type=Path, help="where to; it is made if need be")
    parser.add_argument("--broker", default=usual, metavar="ENDPOINT", help=f"the control port (default: {usual})")
    parser.add_argument("--from", dest="start", type=moment, default=0, metavar="TIME", help="the first time wanted")
    parser.add_argument("--to", dest="stop", type=moment, metavar="TIME", help="the first time not wanted")
    parser.add_argument("--rows", type=positive, default=ROWS, help=f"records in a file (default: {ROWS:,})")
    return parser


def moment(text: str) -> datetime:
    """Return a time of ISO 8601; without a zone it is local."""
    return datetime.fromisoformat(text)


def positive(text: str) -> int:
    """Return a number of at least 1."""
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def export(broker: str, topic: str, directory: Path, start: datetime | int, stop: datetime | None, rows: int) -> None:
    """Write what is missing of one topic."""
    place = directory / f"topic={quote(topic, safe='')}"
    place.mkdir(parents=True, exist_ok=True)
    done = max((int(found[1]) for found in map(FILE.fullmatch, os.listdir(place)) if found), default=None)
    with mq.replay(broker, topic, start if done is None else done, stop) as records:
        for part in parts(records, rows):
            write(place, part)


def parts(records: mq.Replay, rows: int) -> Iterator[list[mq.Message]]:
    """Yield records a file at a time. What the journal has lost is said, and leaves a hole in the offsets."""
    part: list[mq.Message] = []
    size = 0
    while True:
        try:
            for message in records:
                part.append(message)
                size += len(message.body)
                if len(part) >= rows or size >= BYTES_MAX:
                    yield part
                    part, size = [], 0
        except (mq.Gap, mq.Trimmed) as hole:
            print(f"lost: {hole}", file=sys.stderr)
        else:
            break
    if part:
        yield part


def write(place: Path, part: list[mq.Message]) -> None:
    """Write a file, and give it its name once it is whole."""
    offsets = [message.offset or 0 for message in part]
    columns = [
        pa.array(offsets, pa.int64()),
        pa.array([message.time for message in part], TIME),
        pa.array([message.produced for message in part], TIME),
        pa.array([message.body for message in part], pa.binary()),
    ]
    draft = place / ".draft"  # readers of a directory of Parquet leave out what begins with a dot
    with draft.open("wb") as file:
        pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place / f"{offsets[0]:020}-{offsets[-1] + 1:020}.parquet")


if __name__ == "__main__":
    sys.exit(main())
