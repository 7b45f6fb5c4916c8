"""Publishing what a file holds, in the order in which it stands there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from mq.client.ack import Ack
from mq.errors import MqError, TooLarge
from mq.topic import encode_topic
from mq.transfer.readers import BadRow, read_rows
from mq.transfer.records import BadFields, Record, record_of

BATCH_RECORDS = 1_000
BATCH_BYTES = 48 << 10
WAITING_MAX = 1_000


class Sink(Protocol):
    """What is needed of a producer."""

    def send_many(self, topic: str, bodies: list[bytes], *, produced: int | None = None) -> Ack:
        """Send records in one frame."""


class Stopped(MqError):
    """An import that ended before its file did. `rows` of it are stored; of those behind them some may be, too."""

    def __init__(self, rows: int, why: MqError) -> None:
        self.rows = rows
        first = "the first row is" if rows == 1 else f"the first {rows:,} rows are"
        stored = f"{first} stored, --skip {rows} goes on behind" if rows else "nothing is stored"
        super().__init__(f"{why}; {stored}")


class _Sent(NamedTuple):
    """Rows on their way, of which `last` is the last."""

    ack: Ack
    last: int


class Import:
    """Publishes the rows of one file, but for the first `skip`. `rows` is how many of them are stored."""

    def __init__(self, sink: Sink, timeout_s: float, skip: int = 0) -> None:
        self.rows = skip
        self._sink, self._timeout_s = sink, timeout_s
        self._waiting: deque[_Sent] = deque()

    def run(
        self, path: Path, topic: str | None, time_column: str | None, tell: Callable[[int], None] | None = None
    ) -> None:
        """Publish until the end of the file. Raises `Stopped`."""
        try:
            for last, batch in _batches(_records(path, topic, time_column, self.rows)):
                self._send(path, last, batch)
                self._settle(WAITING_MAX)
                if tell is not None:
                    tell(self.rows)
            self._settle(0)
        except MqError as error:
            self._settle_what_is_good()
            raise Stopped(self.rows, error) from None

    def _send(self, path: Path, last: int, batch: list[Record]) -> None:
        topic, produced, _ = batch[0]
        try:
            ack = self._sink.send_many(topic, [record.body for record in batch], produced=produced)
        except TooLarge as error:
            raise BadRow(path, last, str(error)) from None
        self._waiting.append(_Sent(ack, last))

    def _settle(self, waiting_max: int) -> None:
        """Take in the answers that are there, and wait for those of all but the last so many."""
        while self._waiting and (self._waiting[0].ack.done or len(self._waiting) > waiting_max):
            self._waiting[0].ack.result(self._timeout_s)
            self.rows = self._waiting.popleft().last

    def _settle_what_is_good(self) -> None:
        try:
            self._settle(0)
        except MqError:
            return


def _records(path: Path, topic: str | None, time_column: str | None, skip: int) -> Iterator[tuple[int, Record]]:
    """Yield records with the numbers of their rows."""
    for number, fields in read_rows(path):
        if number <= skip:
            continue
        try:
            record = record_of(fields, topic, time_column)
            encode_topic(record.topic)
        except (BadFields, ValueError) as error:
            raise BadRow(path, number, str(error)) from None
        yield number, record


def _batches(records: Iterator[tuple[int, Record]]) -> Iterator[tuple[int, list[Record]]]:
    """Yield records of one topic and time that follow one another, with the number of the last one's row.

    What comes before a row that cannot be taken is yielded before that is raised.
    """
    batch: list[Record] = []
    size = last = 0
    try:
        for number, record in records:
            size += len(record.body)
            if batch and (record[:2] != batch[0][:2] or len(batch) >= BATCH_RECORDS or size > BATCH_BYTES):
                yield last, batch
                batch, size = [], len(record.body)
            batch.append(record)
            last = number
    except MqError:
        if batch:
            yield last, batch
        raise
    if batch:
        yield last, batch
