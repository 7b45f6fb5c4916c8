"""A page of a topic's records, looked up and written as JSON by a thread of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mq.client.link import Link
from mq.client.message import Message, batch_of
from mq.errors import Rewound, Trimmed
from mq.frame import split
from mq.gateway.answers import object_of
from mq.gateway.bodies import record_json
from mq.protocol import Fetch, Frames, OffsetAt, OffsetFound

CREDIT_BYTES = 256 << 10
RECORD_BYTES = 512
"""What a record is guessed to take, so that a short page reads little; one frame always comes whole."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """From which record on: the first that has this offset or more and was appended at this time (ns) or later."""

    topic: str
    offset: int
    since: int | None
    until: int | None
    limit: int


@dataclass(slots=True)
class Page:
    """What was found. `missing` has what is not kept any more, damaged, or was never there: kind, first and next."""

    rows: list[str] = field(default_factory=list)
    bytes: int = 0
    missing: list[dict[str, Any]] = field(default_factory=list)
    next: int = 0
    end: int = 0

    def miss(self, kind: str, first: int, following: int) -> None:
        """Note offsets that cannot be had, and go on behind them."""
        self.missing.append({"kind": kind, "first": first, "next": following})
        self.next = following


def page_of(link: Link, wanted: Wanted, bytes_max: int) -> tuple[str, int, bool]:
    """Return a page as JSON, where the next one begins, and whether it has something now."""
    page = Page(next=wanted.offset)
    if wanted.since is not None:
        page.next = max(page.next, _offset_at(link, wanted.topic, wanted.since))
    stop = None if wanted.until is None else _offset_at(link, wanted.topic, wanted.until)
    while _turn(link, page, wanted, stop, bytes_max):
        pass
    more = page.next < (page.end if stop is None else min(stop, page.end))
    rest = {"missing": page.missing, "next": page.next, "end": page.end, "more": more, "topic": wanted.topic}
    return object_of({"records": page.rows}, rest), page.next, more


def _offset_at(link: Link, topic: str, time: int) -> int:
    return link.ask(OffsetAt(link.number(), topic, time), OffsetFound).offset


def _turn(link: Link, page: Page, wanted: Wanted, stop: int | None, bytes_max: int) -> bool:
    """Take in one slice; whether another one is to follow."""
    if (stop is not None and page.next >= stop) or len(page.rows) >= wanted.limit:
        page.end = max(page.end, page.next)
        return False
    first = page.next
    credit = min(CREDIT_BYTES, (wanted.limit - len(page.rows)) * RECORD_BYTES)
    try:
        reply = link.ask(Fetch(link.number(), wanted.topic, first, None, credit), Frames)
    except Trimmed as error:
        page.miss("trimmed", error.wanted, error.first_kept)
        return True
    except Rewound as error:
        page.miss("beyond", error.wanted, error.end)
        page.end = error.end
        return False
    page.end = reply.end
    if reply.lost is not None and reply.lost > first:
        page.miss("damaged", first, reply.lost)
    for frame in split(reply.frames):
        batch = batch_of(frame).part(page.next, reply.end if stop is None else min(stop, reply.end))
        for message in batch.messages() if batch is not None else ():
            if len(page.rows) >= wanted.limit or (page.rows and page.bytes >= bytes_max):
                return False
            _add(page, message)
    page.next = max(page.next, reply.next if stop is None else min(stop, reply.next))
    return page.next < reply.end


def _add(page: Page, message: Message) -> None:
    row = record_json(message)
    page.rows.append(row)
    page.bytes += len(row)
    page.next = (message.offset or 0) + 1
