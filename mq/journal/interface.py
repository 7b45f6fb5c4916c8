"""What a broker asks of a journal. `FileJournal` is the one that is embedded; others may stand behind the same face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mq.errors import AppendFailed
from mq.frame import Checked
from mq.histogram import Histogram
from mq.topic import Pattern


@dataclass(slots=True)
class Run:
    """The frames of one topic out of one append, in the order given: stamped, or the error that kept them out.

    Its records have the offsets `offset` to `next` - 1; in the log they take `size` bytes.
    """

    topic: bytes
    checked: list[Checked]
    offset: int = 0
    next: int = 0
    size: int = 0
    frames: Sequence[bytes] = ()
    error: AppendFailed | None = None


class Slice(NamedTuple):
    """Whole frames as they stand in the log, and the position after them.

    `lost`, where there is one, is the first offset after a damaged stretch that these frames come after.
    """

    frames: bytes
    next: int
    epoch: int
    end: int
    lost: int | None = None


class Head(NamedTuple):
    """Where a topic ends: the next offset, and the epoch of the record before it."""

    topic: str
    next: int
    epoch: int


class TopicInfo(NamedTuple):
    """What the journal holds of a topic. `appended` is the last append's time in ns, 0 when there was none."""

    topic: str
    first: int
    next: int
    bytes: int
    segments: int
    appended: int


class Journal(Protocol):
    """Appending and syncing are one thread's; reading is any thread's, at any time."""

    epoch: int
    sync_seconds: Histogram

    @property
    def failure(self) -> str | None:
        """Why nothing is appended any more, None as long as it is."""

    def append(self, frames: Sequence[Checked]) -> list[Run]:
        """Stamp and write frames, grouped by topic. A topic's failure is in its run and hurts no other."""

    def sync(self) -> None:
        """Make durable what has been appended. Raises `JournalError`, after which nothing is appended any more."""

    def checkpoint(self) -> None:
        """Sync, and note how far: what the next opening starts from."""

    def delete(self, topics: Sequence[str]) -> list[Head]:
        """Delete topics; return where those that there were ended: one that begins anew goes on there.

        That they are gone is durable then. Raises `JournalError`, `OSError`. The appending thread's.
        """

    def roll(self, topic: str) -> None:
        """Begin a new segment, unless the active one is empty. Raises `AppendFailed`. The appending thread's."""

    def trim(self, topic: str, before: int) -> int:
        """Delete whole segments with only offsets below `before`; return the first offset that is kept.

        Raises `OSError`, `JournalError`. The appending thread's.
        """

    def tidy(self) -> None:
        """Delete some of what is not to be kept any longer: the appending thread's, and soon done."""

    def read(self, topic: str, offset: int, epoch: int | None, size: int) -> Slice:
        """Return about `size` bytes of frames from `offset` on; at least one frame unless the topic ends there.

        `epoch` is that of the record before, if known. Raises `Trimmed`, `Rewound`.
        """

    def last(self, patterns: Sequence[Pattern], after: str | None, size: int) -> tuple[bytes, str | None]:
        """Return the last frames of matching topics, and the topic to go on after when there are more."""

    def heads(
        self, patterns: Sequence[Pattern], since: int, after: str | None, count: int
    ) -> tuple[list[Head], int, str | None]:
        """Return the ends of topics changed since the token `since`, the next token, and where to go on after."""

    def topics(self, patterns: Sequence[Pattern], after: str | None, count: int) -> tuple[list[TopicInfo], str | None]:
        """Return what is held of matching topics, and the topic to go on after when there are more."""

    def offset_at(self, topic: str, time: int) -> int:
        """Return the first offset appended at `time` (ns) or later; the end when there is none."""

    def tail_offset(self, topic: str, size: int) -> int:
        """Return an offset from which on about `size` bytes follow, the first that is kept when there are fewer."""

    def free_bytes(self) -> int:
        """Return how much room there is for more. Raises `OSError`."""

    def close(self) -> None:
        """Sync and let go."""
