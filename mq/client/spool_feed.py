"""Gives back what is on a spool's disk only, oldest first, at a bounded rate, as far as there is room in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Set
from weakref import WeakValueDictionary

from mq.client.batch import RECORD_BYTES, Batch, Kept
from mq.client.spool_backlog import Backlog
from mq.client.spool_files import SpoolFiles
from mq.client.spool_frames import Found
from mq.client.spool_rate import Rate
from mq.client.spool_track import Track

LOOK_S = 0.2
NEVER = float("inf")
GONE = "as its file was deleted or moved away"
DAMAGED = "as its file is damaged"

log = logging.getLogger(__name__)

Asked = WeakValueDictionary[tuple[str, int], Batch]


class Feed:
    """`lose` is told of each topic, up to which place it is given up, and why.

    `busy` are the topics with something unsettled; `asked` holds by topic and place the batches whose acks are held.
    """

    def __init__(
        self,
        files: SpoolFiles,
        tracks: dict[str, Track],
        busy: Set[str],
        asked: Asked,
        lose: Callable[[str, int, str], None],
        bytes_s: int,
    ) -> None:
        self._tracks, self._busy, self._asked, self._lose = tracks, busy, asked, lose
        self._backlog = Backlog(files)
        self._rate = Rate(bytes_s)

    def begin(self) -> None:
        """Begin with what an earlier life has left."""
        self._backlog.begin(0, 0)

    def queue(self, segment: int, at: int, size: int) -> None:
        """Take in that a frame is on disk only."""
        self._rate.add(size)
        self._backlog.begin(segment, at)

    def take(
        self, now: float, takes: Callable[[int], bool], is_too_old: Callable[[int], bool]
    ) -> tuple[list[Batch], float]:
        """Return what is to be sent, and when to ask again. `takes` says if there is room.

        `is_too_old` says so of when a frame was written.
        """
        batches: list[Batch] = []
        self._rate.grow(now)
        while self._backlog.is_open:
            if wait_s := self._rate.wait_s():
                return batches, now + wait_s
            found = self._next(is_too_old)
            if found is None:
                break
            cost = found.content.size + found.header.count * RECORD_BYTES
            if not takes(cost):
                self._backlog.give_back(found)
                return batches, now + LOOK_S
            self._rate.take(found.stop - found.at)
            batches.append(self._hand_out(found, cost))
        return batches, NEVER

    def _next(self, is_too_old: Callable[[int], bool]) -> Found | None:
        """Return the next frame that is to be sent. Those that are too old are dropped, and those that are damaged."""
        while True:
            try:
                found = self._backlog.next(self._is_waiting)
            except FileNotFoundError:
                self._pass_deleted()
                continue
            except OSError as error:
                log.error("the spool cannot be read: %s: %s", error.filename, error.strerror)  # noqa: TRY400 - it is known
                return None
            if found is None:
                for topic in list(self._busy):
                    self._lose(topic, self._tracks[topic].next, DAMAGED)
                return None
            self._lose(found.topic, found.place, DAMAGED)
            if not is_too_old(found.header.appended):
                return found
            self._lose(found.topic, found.place + found.header.count, "as they were too old")

    def _pass_deleted(self) -> None:
        """Give up what was in a file that somebody has deleted, and go on behind it."""
        gone = self._backlog.pass_segment()
        for topic, end in gone.ends.items():
            if topic in self._tracks:
                self._lose(topic, end, GONE)

    def _is_waiting(self, found: Found) -> bool:
        track = self._tracks.get(found.topic)
        return not found.is_note and track is not None and track.fed <= found.place < track.next

    def _hand_out(self, found: Found, cost: int) -> Batch:
        """Make a batch of a frame, or of the one whose ack somebody holds."""
        track, header = self._tracks[found.topic], found.header
        track.feed(found.place, header.count)
        batch = self._asked.pop((found.topic, found.place), None)
        if batch is None:
            batch = Batch(found.topic, 0, produced=header.produced, due=0.0, give_up_at=NEVER)
        batch.content, batch.count, batch.cost = found.content, header.count, cost
        batch.kept = Kept(found.place, self._backlog.segment, header.wanted, track.doubted(found.place))
        return batch
