"""Reads a spool's files on, from the oldest frame that is on disk only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mq.client.spool_files import Segment, SpoolFiles
from mq.client.spool_frames import Damage, Found, scan

READ_BYTES = 256 << 10


class Backlog:
    """A place in the files that only goes forward. While there is nothing on disk only it is nowhere."""

    def __init__(self, files: SpoolFiles) -> None:
        self._files = files
        self.segment = self._at = 0
        self._base = 0
        self._items: Iterator[Found | Damage] = iter(())
        self._returned: Found | None = None
        self.is_open = False

    def begin(self, segment: int, at: int) -> None:
        """Begin here, if there was nothing before."""
        if not self.is_open:
            self.segment, self._at = segment, at
            self._items = iter(())
            self.is_open = True

    def next(self, is_waiting: Callable[[Found], bool]) -> Found | None:
        """Return the next frame that waits; where there is none, end. Raises `OSError`."""
        found, self._returned = self._returned, None
        while found is None or not is_waiting(found):
            item = next(self._items, None)
            if item is None:
                if not self._read_on():
                    self.is_open = False
                    return None
                found = None
            elif isinstance(item, Found):
                self._at = self._base + item.stop
                found = item
            else:
                self._pass(item)
                found = None
        return found

    def give_back(self, found: Found) -> None:
        """Take a frame back: there was no room for it."""
        self._returned = found

    def pass_segment(self) -> Segment:
        """Go behind the segment one is in, and return it."""
        segment = self._current()
        self._at, self._items = segment.size, iter(())
        return segment

    def _pass(self, damage: Damage) -> None:
        """Go behind damage. What is only cut off by the end of what was read is read again, with all that is behind."""
        segment = self._current()
        self._at = self._base + damage.stop
        if damage.at_end and self._at < segment.size:
            self._at = self._base + damage.at
            self._fill(segment, segment.size)

    def _read_on(self) -> bool:
        """Read more of this segment, or of the next; return whether there was some."""
        segment = self._current()
        while self._at >= segment.size:
            later = next((each for each in self._files.segments if each.number > segment.number), None)
            if later is None:
                return False
            segment = later
            self.segment, self._at = segment.number, 0
        self._fill(segment, READ_BYTES)
        return True

    def _current(self) -> Segment:
        """Return the segment that one is in; of one that was deleted the next."""
        segment = next(each for each in self._files.segments if each.number >= self.segment)
        if segment.number != self.segment:
            self.segment, self._at = segment.number, 0
        return segment

    def _fill(self, segment: Segment, size: int) -> None:
        buffer = self._files.read(segment, self._at, size)
        self._base = self._at
        self._items = scan(buffer)
