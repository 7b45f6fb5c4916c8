"""What arrived on control and waits for its turn: a queue a client, and all clients take turns.

A client that floods fills its own queue, and is told `busy` when that has its share. The share is as much as is left
for everybody: of a memory of M bytes one that floods gets a half, three get a quarter each, and there is always as much
left for who comes next. Decides, and touches no socket.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

from mq.broker.intake import Change
from mq.broker.produced import Client

FRAME_OVERHEAD_BYTES = 256  # what a waiting frame takes in memory beside its bytes, roughly
QUANTUM_BYTES = 256 << 10
"""How much a client may put into a turn before the next one's turn comes; a larger frame goes alone."""

Item = bytes | Change


class Taken(NamedTuple):
    """What goes into one turn, each client's in the order in which it was sent; and what the frames weigh."""

    produced: list[tuple[Client, bytes]]
    changes: list[Change]
    weight: int


class Waiting:
    """Frames and changes by client. `held` is what all frames weigh from `put` to `done`, in bytes."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._queues: OrderedDict[Client, deque[Item]] = OrderedDict()
        self._weights: dict[Client, int] = {}
        self.held = 0
        self.changes = 0

    def __len__(self) -> int:
        """Return of how many clients something waits."""
        return len(self._queues)

    def put(self, client: Client, frame: bytes) -> bool:
        """Take a frame, if that leaves its client no more than what is left for others; the first needs but room."""
        size = weight(frame)
        own, left = self._weights.get(client, 0), self._bytes_max - self.held - size
        if (left < 0 and self.held) or (own and own + size > left):
            return False
        self.held += size
        self._weights[client] = own + size
        self._queue(client).append(frame)
        return True

    def put_change(self, change: Change) -> None:
        """Take a change behind its client's frames. How many wait is for the caller to bound."""
        self.changes += 1
        self._queue(change.client).append(change)

    def take(self, frames_max: int, bytes_max: int) -> Taken:
        """Return what goes into the next turn: a quantum of each client, round and round until it is full."""
        produced: list[tuple[Client, bytes]] = []
        changes: list[Change] = []
        size = 0
        while self._queues and len(produced) < frames_max and size < bytes_max:
            client, queue = self._queues.popitem(last=False)
            room = min(QUANTUM_BYTES, bytes_max - size)
            while queue and room > 0 and len(produced) < frames_max:
                item = queue.popleft()
                if isinstance(item, Change):
                    changes.append(item._replace(place=len(produced)))
                else:
                    produced.append((client, item))
                    size += (it := weight(item))
                    room -= it
                    self._weights[client] -= it
            if queue:
                self._queues[client] = queue  # behind the others
            else:
                self._weights.pop(client, None)
        self.changes -= len(changes)
        return Taken(produced, changes, size)

    def done(self, size: int) -> None:
        """Note that frames which weighed so much have been dealt with."""
        self.held -= size

    def _queue(self, client: Client) -> deque[Item]:
        queue = self._queues.get(client)
        if queue is None:
            queue = self._queues[client] = deque()
        return queue


def weight(frame: bytes) -> int:
    """Return what a frame counts for while it waits."""
    return len(frame) + FRAME_OVERHEAD_BYTES
