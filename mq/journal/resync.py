"""Finding the frames that still count behind damage. Pure.

Where a header's checksum holds, its length is trusted; where one does not, its count and length still say where the
damaged frame ends if exactly there the frame stands that would be next. Otherwise frames are looked for by their
opening (``topic NUL MQ``) and put together to chains: dense, one directly behind the other. What can be true of a log:

- offset, epoch and appended are not below those of the last good frame, nor of the chain before, nor above the limit;
- two chains do not touch: with nothing between them, nothing can be missing between them;
- where there is room for a frame between two chains, at least one offset is missing;
- a chain ends with the segment, or at a sector's edge, or where the next frame begins, however damaged (one that ends
  elsewhere may be frames inside a body: it needs some more to count).

Of chains that cannot all be true the most frames win, and of as many the later ones. So a body that contains frames is
not taken for them: copies of earlier frames are too low, invented ones run into the true frames behind that body. And
an old page that came back, with frames once true, is outweighed by what is around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from operator import eq
from struct import Struct
from typing import NamedTuple

from mq.frame import HEADER_SIZE, MAGIC, VERSION, Header, header_at
from mq.journal.window import NO_LIMIT, Floor, Found, Window, follows, frame_at

CHAINS_WEIGHED_MAX = 64
HORIZON_BYTES = 2 << 20
SECTOR_BYTES = 512
ALIKE_LEAST = 4
DOUBT_FRAMES = 4
IMPOSSIBLE = -(1 << 40)
_COUNT_LENGTH = Struct("<4xI24xI")


class Chain(NamedTuple):
    """Frames, dense, from byte `start` to `stop`; the second begins at `second`; `weight` of them speak for it."""

    start: int
    second: int
    stop: int
    first: Header
    last: Header
    weight: int


def next_good(window: Window, name: bytes, at: int, floor: Floor, limit: int) -> Found | None:
    """Return the first frame that counts behind the damage at byte `at`, where `floor` was due; None if none does.

    What speaks for it is looked for no further than it takes to outweigh a frame's body.
    """
    end = _end_of_damaged(window, name, at, floor, limit, certain=True)
    if end > at:
        count, _ = _COUNT_LENGTH.unpack(window.take(at + len(name), _COUNT_LENGTH.size))
        found = frame_at(window, name, end)
        if found is not None and _is_due(found.header, floor._replace(offset=floor.offset + count), limit):
            return found
    chains = _chains(window, name, at, end, floor, limit)
    while some := list(_as_far_as_needed(chains)):
        kept = _weightiest(some, at, floor, len(name) + HEADER_SIZE)
        if kept:
            return Found(kept[0].start, kept[0].second, kept[0].first)
    return None


def doubtful_end(window: Window, name: bytes, at: int, floor: Floor, limit: int) -> Floor | None:
    """Return what would follow the last frames behind byte `at` that may be true, None where there are none.

    It is asked of a rest in which nothing counts: too little speaks for such frames to serve them, and too much to cut
    them off.
    """
    end: Floor | None = None
    while (at := window.find(name + MAGIC, at)) >= 0:
        chain = _chain_at(window, name, at, floor, limit)
        if chain is None:
            at += 1
            continue
        at, after = chain.stop, Floor.after(chain.last)
        end = after if end is None else Floor(*map(max, end, after))
    return end


def _as_far_as_needed(chains: Iterator[Chain]) -> Iterator[Chain]:
    start = -1
    for chain in islice(chains, CHAINS_WEIGHED_MAX):
        yield chain
        start = chain.start if start < 0 else start
        if chain.stop - start > HORIZON_BYTES:
            return


def _chains(window: Window, name: bytes, start: int, at: int, floor: Floor, limit: int) -> Iterator[Chain]:
    """Yield what may count from byte `at` on, behind the damage that begins at `start`.

    Where a chain claims the offset missing before it, its rest may count without that.
    """
    before, due = start, floor
    while (at := window.find(name + MAGIC, at)) >= 0:
        chain = _chain_at(window, name, at, floor, limit)
        if chain is None:
            header = header_at(window.take(at, len(name) + HEADER_SIZE), 0, name)
            at = max(at + 1, _end_of_damaged(window, name, at, _due(header), limit) if header else 0)
            continue
        claims = chain.first.offset == due.offset and at - before >= len(name) + HEADER_SIZE
        before, due = chain.stop, Floor.after(chain.last)
        doubt = 0 if _may_end_here(window, name, before, due, limit) else DOUBT_FRAMES
        rest = _chain_at(window, name, chain.second, floor, limit) if claims and chain.second < chain.stop else None
        for each in (chain, rest):
            if each is not None and each.weight > doubt:
                yield each._replace(weight=each.weight - doubt)
        at = _end_of_damaged(window, name, before, due, limit)


def _chain_at(window: Window, name: bytes, at: int, floor: Floor, limit: int) -> Chain | None:
    first = frame_at(window, name, at)
    if first is None or not follows(first.header, floor, limit):
        return None
    last, frames = first, 1
    while last.stop - at <= HORIZON_BYTES:
        found = frame_at(window, name, last.stop)
        if found is None or not _is_due(found.header, Floor.after(last.header), limit):
            break
        last, frames = found, frames + 1
    return Chain(at, first.stop, last.stop, first.header, last.header, frames)


def _may_end_here(window: Window, name: bytes, at: int, due: Floor, limit: int) -> bool:
    """Whether damage may begin at `at`: the end, the frame that is due, or a sector's edge before that would show."""
    head = window.take(at, len(name) + HEADER_SIZE)
    to_edge = -at % SECTOR_BYTES
    header = header_at(head, 0, name)
    if header is not None:
        return to_edge == 0 or _is_due(header, due, limit)
    alike: int = sum(map(eq, head, name + MAGIC + bytes([VERSION])))
    return alike >= min(ALIKE_LEAST, len(head), to_edge)


def _end_of_damaged(window: Window, name: bytes, at: int, due: Floor, limit: int, *, certain: bool = False) -> int:
    """Return where the damaged frame at `at` ends, `at` itself when that cannot be told.

    `certain`: it is known that the frame that is `due` begins there, or did. Its header, if it holds, is then believed.
    """
    head = window.take(at, len(name) + HEADER_SIZE)
    header = header_at(head, 0, name)
    if len(head) < len(name) + HEADER_SIZE or (header is not None and not _is_due(header, due, limit)):
        return at
    count, length = _COUNT_LENGTH.unpack_from(head, len(name))
    stop: int = at + len(head) + length
    if count == 0:
        return at
    if (certain and header is not None) or stop == window.stop:
        return stop
    behind = frame_at(window, name, stop)
    confirmed = behind is not None and _is_due(behind.header, due._replace(offset=due.offset + count), limit)
    return stop if confirmed else at


def _due(header: Header) -> Floor:
    return Floor(header.offset, header.epoch, header.appended)


def _is_due(header: Header, due: Floor, limit: int) -> bool:
    return header.offset == due.offset and follows(header, due, limit)


def _weightiest(chains: list[Chain], at: int, floor: Floor, room: int) -> list[Chain]:
    """Return those of the chains behind byte `at` that can be true together and weigh most.

    `room` is the least that a frame takes, in bytes.
    """
    ends = [(at, floor), *((chain.stop, Floor.after(chain.last)) for chain in chains)]
    scores, before = [0], [0]
    for place, chain in enumerate(chains, 1):
        options = [
            (scores[earlier], earlier == 0, earlier)
            for earlier in range(place)
            if _may_follow(chain, *ends[earlier], room, touching=earlier == 0)
        ]
        score, _, earlier = max(options, default=(IMPOSSIBLE, False, 0))
        scores.append(score + chain.weight)
        before.append(earlier)
    place = max(range(len(scores)), key=lambda place: (scores[place], place)) if max(scores) > 0 else 0
    kept = []
    while place:
        kept.append(chains[place - 1])
        place = before[place]
    return kept[::-1]


def _may_follow(chain: Chain, stop: int, floor: Floor, room: int, *, touching: bool = False) -> bool:
    """Whether a chain may be the next good one behind byte `stop`, where `floor` was due."""
    between, missing = chain.start - stop, chain.first.offset - floor.offset
    if between < 0 or (between == 0 and not touching) or (between >= room and not missing):
        return False
    return follows(chain.first, floor, NO_LIMIT)
