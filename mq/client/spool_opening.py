"""What an earlier life left in a spool."""

from __future__ import annotations

import logging

from google_crc32c import value

from mq.client.spool_files import Segment, SpoolFiles
from mq.client.spool_frames import BadNote, Damage, Found, rows_of, scan
from mq.client.spool_track import Identity, Track
from mq.errors import SpoolUnusable
from mq.frame import HEADER_SIZE, MAGIC, VERSION
from mq.topic import TOPIC_BYTES_MAX

log = logging.getLogger(__name__)


def opened(directory: str) -> tuple[SpoolFiles, dict[str, Track], int]:
    """Return the files, how far each topic in them is, and how many places were damaged.

    Raises `SpoolHeld` and `SpoolUnusable`.
    """
    files = SpoolFiles(directory)
    try:
        return files, *_tracks_of(files)
    except OSError as error:
        files.close()
        raise SpoolUnusable(error.filename or directory, error.strerror or str(error)) from None
    except SpoolUnusable:
        files.close()
        raise


def _tracks_of(files: SpoolFiles) -> tuple[dict[str, Track], int]:
    """Read all files. Raises `SpoolUnusable` where a newer version wrote, `OSError`."""
    tracks: dict[str, Track] = {}
    damaged = 0
    for segment in files.segments:
        buffer = files.read(segment, 0, segment.size)
        _refuse_newer(segment, buffer)
        for item in scan(buffer):
            if isinstance(item, Damage):
                damaged += 1
                segment.is_damaged = True
                log.warning("%s is damaged: bytes %d to %d are passed over", segment.path, item.at, item.stop)
            else:
                _take(segment, item, tracks)
    for track in tracks.values():
        track.resume()
    return tracks, damaged


def _take(segment: Segment, found: Found, tracks: dict[str, Track]) -> None:
    if not found.is_note:
        track = tracks.setdefault(found.topic, Track())
        track.found(found.place, found.header.count)
        segment.holds(found.topic, track.next, found.header.appended)
        return
    try:
        rows = rows_of(found.body)
    except BadNote as error:
        raise SpoolUnusable(segment.path, str(error)) from None
    for topic, floor, sent, *identity in rows:
        tracks.setdefault(topic, Track()).recall(floor, sent, Identity(*identity))
        segment.ends.setdefault(topic, 0)


def _refuse_newer(segment: Segment, buffer: bytes) -> None:
    """Raise `SpoolUnusable` for a file whose first frame is whole, and of another version."""
    at = buffer.find(0, 0, TOPIC_BYTES_MAX + 1) + 1
    head_at = at + HEADER_SIZE - 4
    if at == 0 or buffer[at : at + 2] != MAGIC or buffer[at + 2 : at + 3] == bytes([VERSION]):
        return
    if value(buffer[:head_at]) == int.from_bytes(buffer[head_at : head_at + 4], "little"):
        raise SpoolUnusable(segment.path, f"it holds frames of version {buffer[at + 2]}, only {VERSION} is known here")
