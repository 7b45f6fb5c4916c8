"""Finding the frames that still count behind damage. Pure.

Where a header's checksum holds, its length is trusted; where one does not, its count and length still say where the
damaged frame ends if exactly there the frame stands that would be next. Otherwise frames are looked for by their
opening (``topic NUL MQ``) and put together to chains: dense, one directly behind the other. What can be true of a log:

- offset, epoch and appended are not below those of the last good frame, nor of the chain before, nor above the limit;
- two chains do not touch: with nothing between them, nothing can be missing between them;
- bytes between two chains hold at least one lost offset (bytes put in hold none: that speaks against a chain);
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
from mq.journal.window import NO_LIMIT, Floor, Window, follows, frame_at

CHAINS_WEIGHED_MAX = 256
SECTOR_BYTES = 512
ALIKE_LEAST = 4
DOUBT_FRAMES = 4
IMPOSSIBLE = 1 << 40
_COUNT_LENGTH = Struct("<4xI24xI")


class Chain(NamedTuple):
    """Frames, dense, from byte `start` to `stop`; `weight` is how many of them speak for it."""

    start: int
    stop: int
    first: Header
    last: Header
    weight: int


def survivors(window: Window, name: bytes, at: int, floor: Floor, limit: int) -> Iterator[Chain]:
    """Yield the chains that count behind the damage at byte `at`, where `floor` was due, in order."""
    chains = _chains(window, name, at, floor, limit)
    while some := list(islice(chains, CHAINS_WEIGHED_MAX)):
        for chain in _weightiest(some, at, floor):
            yield chain
            at, floor = chain.stop, Floor.after(chain.last)


def _chains(window: Window, name: bytes, at: int, floor: Floor, limit: int) -> Iterator[Chain]:
    at = _end_of_damaged(window, name, at, floor, limit, certain=True)
    while (at := window.find(name + MAGIC, at)) >= 0:
        chain = _chain_at(window, name, at, floor, limit)
        if chain is None:
            header = header_at(window.take(at, len(name) + HEADER_SIZE), 0, name)
            at = max(at + 1, _end_of_damaged(window, name, at, _due(header), limit) if header else 0)
            continue
        due = Floor.after(chain.last)
        ends_well = _may_end_here(window, name, chain.stop, due, limit)
        yield chain if ends_well else chain._replace(weight=chain.weight - DOUBT_FRAMES)
        at = _end_of_damaged(window, name, chain.stop, due, limit)


def _chain_at(window: Window, name: bytes, at: int, floor: Floor, limit: int) -> Chain | None:
    chain: Chain | None = None
    while (found := frame_at(window, name, at)) and follows(found.header, floor, limit):
        if chain is None:
            chain = Chain(at, found.stop, found.header, found.header, 1)
        elif found.header.offset == floor.offset:
            chain = chain._replace(stop=found.stop, last=found.header, weight=chain.weight + 1)
        else:
            break
        at, floor = found.stop, Floor.after(found.header)
    return chain


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
    if (certain and header is not None) or stop == window.stop:
        return stop
    behind = frame_at(window, name, stop)
    confirmed = behind is not None and _is_due(behind.header, due._replace(offset=due.offset + count), limit)
    return stop if confirmed else at


def _due(header: Header) -> Floor:
    return Floor(header.offset, header.epoch, header.appended)


def _is_due(header: Header, due: Floor, limit: int) -> bool:
    return header.offset == due.offset and follows(header, due, limit)


def _weightiest(chains: list[Chain], at: int, floor: Floor) -> list[Chain]:
    """Return those of the chains behind byte `at` that can be true together and weigh most."""
    ends = [(at, floor), *((chain.stop, Floor.after(chain.last)) for chain in chains)]
    scores, before = [0], [0]
    for place, chain in enumerate(chains, 1):
        score, _, earlier = max(
            (scores[earlier] - _cost(*ends[earlier], chain, first=earlier == 0), earlier == 0, earlier)
            for earlier in range(place)
        )
        scores.append(score + chain.weight)
        before.append(earlier)
    place = max(range(len(scores)), key=lambda place: (scores[place], place)) if max(scores) > 0 else 0
    kept = []
    while place:
        kept.append(chains[place - 1])
        place = before[place]
    return kept[::-1]


def _cost(stop: int, floor: Floor, chain: Chain, *, first: bool) -> int:
    """Return what speaks against a chain behind byte `stop`, where `floor` is due, in frames."""
    between, missing = chain.start - stop, chain.first.offset - floor.offset
    if not follows(chain.first, floor, NO_LIMIT) or (between == 0 and not first):
        return IMPOSSIBLE
    return 0 if missing else 1
