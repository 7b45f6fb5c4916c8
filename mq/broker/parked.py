"""Requests whose clients have too much to take first: kept in order until there is room for them.

While something waits here, something is on its way to a client: once that is taken, or its client cut off by its
heartbeats, what waits goes on. Decides, and touches no socket.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from mq.broker.control import Job
from mq.broker.produced import Client

LOOKS_MAX = 8


class Parked:
    """Used by the thread that reads. How much waits is for the desk to bound."""

    def __init__(self, has_room: Callable[[Client], bool]) -> None:
        self._has_room = has_room
        self._queues: OrderedDict[Client, deque[Job]] = OrderedDict()

    def put(self, job: Job) -> None:
        """Let a job wait, behind its client's others."""
        self._queues.setdefault(job.client, deque()).append(job)

    def next(self, client: Client) -> Job | None:
        """Return a job that may go on now that this client has taken something: its own, or that of another.

        Of the others only some are looked at, the next time the ones behind them.
        """
        if client in self._queues and self._has_room(client):
            return self._pop(client)
        for _ in range(min(LOOKS_MAX, len(self._queues))):
            other = next(iter(self._queues))
            self._queues.move_to_end(other)
            if self._has_room(other):
                return self._pop(other)
        return None

    def _pop(self, client: Client) -> Job:
        queue = self._queues[client]
        job = queue.popleft()
        if not queue:
            del self._queues[client]
        return job
