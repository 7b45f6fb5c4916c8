"""Records that were given out as often as they may be, and never settled: each becomes one of the dead-letter topic.

That topic is `_mq/dead/` and the consumer's name. A letter is a msgpack map: where the record stood, how often it was
tried, and its body, so that it can be read when the record itself is no longer kept.
"""

from __future__ import annotations

import time
from typing import Any

import msgpack

from mq.broker.consumer_log import own_frame
from mq.errors import FrameRefused, Rewound, TooLarge, Trimmed
from mq.frame import Checked, split
from mq.journal.interface import Journal

PREFIX = "_mq/dead/"


def letter(journal: Journal, consumer: str, topic: str, offset: int, tries: int) -> Checked:
    """Return the frame that tells of a record. Where its body cannot be had or is too large, `why` says so."""
    told = {"topic": topic, "offset": offset, "tries": tries}
    now = time.time_ns()
    try:
        return own_frame(PREFIX + consumer, [msgpack.packb(told | _record(journal, topic, offset))], now)
    except TooLarge as error:
        return own_frame(PREFIX + consumer, [msgpack.packb({**told, "body": None, "why": str(error)})], now)


def _record(journal: Journal, topic: str, offset: int) -> dict[str, Any]:
    try:
        for frame in split(journal.read(topic, offset, None, 1).frames):
            header = frame.header
            if header.offset <= offset < header.next_offset:
                body = frame.records()[offset - header.offset]
                return {"time": header.appended, "produced": header.produced, "body": body}
    except (Trimmed, Rewound, FrameRefused) as error:
        return {"body": None, "why": str(error)}
    return {"body": None, "why": "it is damaged"}
