"""What a control request means. Decides, and touches no socket.

What needs the journal becomes a `Job` for the reader's thread; the rest is answered at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgpack

from mq import __version__
from mq.broker.audience import Audience
from mq.broker.consumer_requests import ConsumerRequest, check
from mq.broker.counters import Counters
from mq.broker.reported import Reports
from mq.config import Config
from mq.errors import BadMessage, BadPattern, BadTopic
from mq.protocol import (
    PROTOCOL,
    Accounts,
    Agreed,
    Control,
    Delete,
    Failure,
    Fetch,
    Heads,
    Hello,
    Last,
    OffsetAt,
    Sampling,
    Stats,
    StatsReport,
    SubscriberList,
    Subscribers,
    Topics,
    Welcome,
    decode,
)
from mq.topic import Pattern, encode_topic, is_reserved

Client = bytes
_U64 = 2**64
_JOBS = (Fetch, Last, Heads, Topics, OffsetAt, Accounts)
LISTENERS_A_PAGE = 100
REQUEST_BYTES_MAX = 64 << 10  # 256 patterns of the greatest length fit; what is made to be costly to unpack does not


@dataclass(frozen=True, slots=True)
class Job:
    """A request that needs the journal: for the reader, but for those that change it, which are for who appends.

    `epoch` is that of the record before a fetch's offset, where slices of its answer have been sent already.
    """

    client: Client
    request: Control
    epoch: int | None = None


class Desk:
    """Answers requests, and bounds how many wait: in all, and of one client."""

    def __init__(
        self,
        config: Config,
        counters: Counters,
        welcome: Welcome,
        audience: Audience | None = None,
        reports: Reports | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._counters = counters
        self._welcome = welcome
        self._waiting: Counter[Client] = Counter()
        self._clock = clock
        self.audience = audience if audience is not None else Audience()
        self.reports = reports if reports is not None else Reports()
        counters.queues["requests"] = lambda: sum(list(self._waiting.values()))

    def handle(self, client: Client, message: bytes) -> Job | bytes:
        """Return the answer to a request, or the job that makes it."""
        self._counters.requests += 1
        if len(message) > REQUEST_BYTES_MAX:
            self._counters.requests_refused += 1
            return Failure(0, "bad_request", f"a request has at most {REQUEST_BYTES_MAX} bytes").encode()
        try:
            request = decode(message)
            if isinstance(request, _JOBS):
                return self._accept(client, request)
            if isinstance(request, Delete):
                return self._accept_deletion(client, request)
            if isinstance(request, ConsumerRequest):
                check(request)
                return Job(client, request)
            return self._answer(client, request)
        except (BadMessage, BadPattern, BadTopic) as error:
            self._counters.requests_refused += 1
            return Failure(_id_of(message), "bad_request", str(error)).encode()

    def finished(self, client: Client) -> None:
        """Note that a job of this client is done."""
        self._waiting[client] -= 1
        if self._waiting[client] <= 0:
            del self._waiting[client]

    def _accept(self, client: Client, request: Control) -> Job | bytes:
        if isinstance(request, (Last, Heads, Topics, Accounts)):
            for pattern in request.patterns:
                Pattern.parse(pattern)
        if isinstance(request, Heads) and request.report is not None:
            self.audience.heard(client, request.report, request.patterns, self._clock())
        full = self._waiting.total() >= self._config.requests_waiting_max
        if full or self._waiting[client] >= self._config.requests_per_client_max:
            self._counters.requests_refused += 1
            self._counters.busy["requests"] += 1
            return Failure(request.id, "busy", "too many requests are waiting; ask again").encode()
        self._waiting[client] += 1
        return Job(client, request)

    def _accept_deletion(self, client: Client, request: Delete) -> Job:
        for topic in request.topics:
            if is_reserved(encode_topic(topic)):
                raise BadMessage(f"{topic} is the broker's own")
        return Job(client, request)

    def _answer(self, client: Client, request: Control) -> bytes:
        if isinstance(request, Hello):
            if request.protocol != PROTOCOL:
                detail = f"protocol {request.protocol} is not spoken here, {PROTOCOL} is"
                return Failure(request.id, "unsupported_protocol", detail, {"protocol": PROTOCOL}).encode()
            return replace(self._welcome, id=request.id).encode()
        if isinstance(request, Sampling):
            self.reports.take(client, request.rows)
            return Agreed(request.id).encode()
        if isinstance(request, Subscribers):
            rows, after = self.audience.page(request.after, LISTENERS_A_PAGE, self._clock())
            return SubscriberList(request.id, [list(row) for row in rows], after).encode()
        if isinstance(request, Stats):
            return StatsReport(request.id, self._counters.as_map()).encode()
        raise BadMessage(f"{request.OP} is an answer, not a request")


def _id_of(message: bytes) -> int:
    """Return the number in a request that could not be read otherwise, 0 when there is none."""
    try:
        found = msgpack.unpackb(message)
        number = found.get("id") if isinstance(found, dict) else None
    except ValueError:
        return 0
    return number if type(number) is int and 0 <= number < _U64 else 0


def welcome(config: Config, epoch: int, ports: dict[str, int], host: str | None) -> Welcome:
    """Return what the broker says of itself."""
    return Welcome(
        0,
        PROTOCOL,
        f"minimq {__version__}",
        epoch,
        ports["ingest"],
        ports["live"],
        ports["control"],
        ports["ops"],
        config.frame_bytes_max,
        host,
    )
