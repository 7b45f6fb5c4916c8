"""Whether the journal can have given a position to somebody: so that no consumer is set to what never was."""

from __future__ import annotations

from mq.broker.registry import Declined
from mq.errors import Rewound, Trimmed
from mq.journal.interface import Journal
from mq.topic import Pattern


def check_position(journal: Journal, topic: str, offset: int, epoch: int) -> None:
    """Raise `Declined` for a position beyond a topic's end, of a later epoch, or at the end of another one.

    One in the middle is not looked up: whoever resumes there is told if it does not hold.
    """
    end, last_epoch = _end(journal, topic, offset)
    wrong_life = epoch > journal.epoch or (offset == end and end > 0 and epoch not in (0, last_epoch))
    if offset > end or wrong_life:
        error = Rewound(topic, offset, min(offset, end))
        raise Declined("rewound", str(error), topic=topic, wanted=offset, end=error.end)


def _end(journal: Journal, topic: str, offset: int) -> tuple[int, int]:
    """Return where a topic ends, and the epoch of its last record; of one that was deleted, where it ended."""
    heads, _, _ = journal.heads([Pattern.parse(topic)], 0, None, 1)
    if heads:
        return heads[0].next, heads[0].epoch
    try:
        found = journal.read(topic, offset, None, 1)
    except Trimmed as error:
        return error.first_kept, 0
    except Rewound as error:
        return error.end, 0
    return found.end, found.epoch
