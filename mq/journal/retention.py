"""How much of a topic is kept: whole segments go, the oldest first, never the active one. Decides, and deletes nothing.

By bytes, by records, and by age. Age is that of a segment's last record, by the broker's time of appending, against a
clock that is not believed at once: a clock that jumps must not empty a journal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

SECOND_NS = 1_000_000_000
JUMP_NS = 3_600 * SECOND_NS
"""What a clock may differ from what it was expected to say, as when it is set, before that counts as a jump."""
SETTLE_NS = 24 * 3_600 * SECOND_NS
"""How long a clock must go on from where it has jumped to before it is believed."""


class Policy(NamedTuple):
    """What a topic may hold. The active segment counts, and stays whatever it holds."""

    bytes_max: int
    records_max: int
    age_ns_max: int


class Held(NamedTuple):
    """A closed segment: its size, the offset it ends below, and a time at or after its last record's."""

    size: int
    limit: int
    appended: int


def surplus(closed: Sequence[Held], size: int, end: int, policy: Policy, now: int) -> int:
    """Return how many of a topic's closed segments, oldest first, are to go. All of it has `size` bytes, up to `end`.

    Of bytes and records at least as much as the policy says is kept; of age a segment goes when all of it is too old.
    """
    count = 0
    for segment in closed:
        size -= segment.size
        enough = size < policy.bytes_max and end - segment.limit < policy.records_max
        if enough and now - segment.appended <= policy.age_ns_max:
            break
        count += 1
    return count


class SteadyClock:
    """Tells the time as long as the clock goes on as it did, else the earlier of what it says and what was expected.

    `newest` is the last time that was written down: a clock that is far beyond it at the start may have jumped while
    nobody looked. Where it stays for `SETTLE_NS` it is right.
    """

    def __init__(self, clock: Callable[[], int], monotonic: Callable[[], int], newest: int = 0) -> None:
        self._clock, self._monotonic = clock, monotonic
        wall, moment = clock(), monotonic()
        self._believed = (newest if newest and wall - newest > JUMP_NS else wall) - moment
        self._offered, self._since = wall - moment, moment

    def now(self) -> int:
        """Return a time, in ns since the Unix epoch, that is not too late."""
        wall, moment = self._clock(), self._monotonic()
        offset = wall - moment
        if abs(offset - self._offered) > JUMP_NS:
            self._offered, self._since = offset, moment
        if abs(offset - self._believed) <= JUMP_NS or moment - self._since >= SETTLE_NS:
            self._believed = offset
        return moment + min(offset, self._believed)
