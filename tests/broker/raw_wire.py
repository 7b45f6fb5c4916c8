"""A client written from ``docs/wire.md`` alone: nothing of ours is imported here but what starts a broker."""

from __future__ import annotations

import re
import select
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count as counting
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

import google_crc32c
import msgpack
import zmq
from broker_process import BrokerProcess
from waiting import eventually

HEADER = Struct("<2sBBIQQQIIQQII")
PRODUCERS_PART = Struct("<2sBBIQQQI")
UNSTORED = 2**64 - 1
BATCH, ZSTD, WRITTEN, DURABLE = 0x01, 0x02, 0x08, 0x10
PROBE = b"probe"
ANSWER_S_MAX = 10.0

Socket = zmq.Socket[bytes]
SocketFactory = Callable[[int], Socket]


class Stamped(NamedTuple):
    """A frame taken apart by the table "The header"."""

    topic: bytes
    magic: bytes
    version: int
    flags: int
    records: int
    producer: int
    sequence: int
    produced: int
    length: int
    crc: int
    offset: int
    appended: int
    epoch: int
    head_crc: int
    body: bytes
    whole: bytes


def make(  # noqa: PLR0913 - a field each
    topic: bytes,
    body: bytes,
    *,
    flags: int = 0,
    count: int = 1,
    producer: int = 0,
    sequence: int = 0,
    produced: int | None = None,
    magic: bytes = b"MQ",
    version: int = 1,
    length: int | None = None,
    crc: int | None = None,
    stamp: bytes = bytes(24),
) -> bytes:
    """Return a frame as a producer sends it. Each field can be made wrong; the checksum is right unless given."""
    when = time.time_ns() if produced is None else produced
    size = len(body) if length is None else length
    head = topic + b"\0" + PRODUCERS_PART.pack(magic, version, flags, count, producer, sequence, when, size)
    checksum = google_crc32c.value(head + body) if crc is None else crc
    return head + checksum.to_bytes(4, "little") + stamp + body


def batch(*records: bytes) -> bytes:
    """Return the body of a batch."""
    packed: bytes = msgpack.packb(list(records), use_bin_type=True)
    return packed


def take_apart(buffer: bytes) -> Iterator[Stamped]:
    """Yield frames that stand one after another, both checksums checked."""
    at = 0
    while at < len(buffer):
        nul = buffer.index(0, at)
        fields = HEADER.unpack_from(buffer, nul + 1)
        length, crc, head_crc = fields[7], fields[8], fields[12]
        stop = nul + 65 + length
        assert google_crc32c.value(buffer[at : nul + 61]) == head_crc, f"head_crc of the frame at byte {at}"
        body = buffer[nul + 65 : stop]
        assert google_crc32c.value(buffer[at : nul + 37] + body) == crc, f"crc of the frame at byte {at}"
        yield Stamped._make((buffer[at:nul], *fields, body, buffer[at:stop]))
        at = stop


def read(frame: bytes) -> Stamped:
    """Take one frame apart."""
    (stamped,) = take_apart(frame)
    return stamped


def on_disk(data: Path, topic: str) -> bytes:
    """Return the bytes of a topic's segments, in order."""
    return b"".join(path.read_bytes() for path in sorted((data / "topics" / topic).glob("@*.log")))


class Peer:
    """Raw sockets of one test against one broker."""

    def __init__(self, broker: BrokerProcess, factory: SocketFactory) -> None:
        self.broker = broker
        self._factory = factory
        self._numbers = counting(1)
        self._asking: Socket | None = None

    def connect(self, kind: int, endpoint: str) -> Socket:
        """Return a socket that connects."""
        socket = self._factory(kind)
        socket.connect(endpoint)
        return socket

    def pusher(self) -> Socket:
        """Return a PUSH socket on ingest."""
        return self.connect(zmq.PUSH, self.broker.ingest)

    def dealer(self) -> Socket:
        """Return a DEALER socket on control."""
        return self.connect(zmq.DEALER, self.broker.control)

    def hear(self, *prefixes: bytes, hwm: int = 0) -> Socket:
        """Return a SUB socket whose subscriptions are known to be in force, because a probe came through it."""
        live = self._factory(zmq.SUB)
        live.rcvhwm = hwm
        live.connect(self.broker.live)
        for prefix in prefixes:
            live.subscribe(prefix)
        live.subscribe(PROBE + b"\0")
        self.probe(live)
        return live

    def probe(self, live: Socket) -> None:
        """Push probes until one comes: what was subscribed to before, or pushed before, is there then."""
        push = self.pusher()

        def heard() -> bool:
            push.send(make(PROBE, b""))
            return bool(live.poll(20))

        eventually(heard)

    def ask(self, op: str, socket: Socket | None = None, **fields: Any) -> dict[str, Any]:
        """Ask a question, and return the first answer to it."""
        if self._asking is None:
            self._asking = self.dealer()
        asking = socket or self._asking
        number = next(self._numbers)
        asking.send(msgpack.packb({"op": op, "id": number, **fields}))
        return answer_to(asking, number)

    def stats(self) -> dict[str, Any]:
        """Return the broker's counters."""
        stats: dict[str, Any] = self.ask("stats")["stats"]
        return stats

    def refused(self, port: str) -> Counter[str]:
        """Return what was refused on a port, by kind."""
        return Counter(self.stats()["refused"].get(port, {}))

    def journal(self, topic: str) -> bytes:
        """Fetch all of a topic, by the rules of "Fetching"."""
        found, offset, epoch = bytearray(), 0, None
        while True:
            reply = self.ask("fetch", topic=topic, offset=offset, epoch=epoch)
            while True:
                assert reply["op"] == "frames", reply
                found += reply["frames"]
                offset, epoch = reply["next"], reply["epoch"]
                if not reply["more"]:
                    break
                assert self._asking is not None
                reply = answer_to(self._asking, reply["id"])
            if offset == reply["end"]:
                return bytes(found)


@contextmanager
def peer_process(kind: str, endpoint: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a peer of ``raw_peer.py`` in a process of its own, which is killed at the end."""
    script = Path(__file__).with_name("raw_peer.py")
    process = subprocess.Popen(
        [sys.executable, str(script), kind, endpoint],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{script.parent}:{script.parents[1]}"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def has_spoken(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has written to its standard output."""
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0)[0])


def answer_to(socket: Socket, number: int) -> dict[str, Any]:
    """Return the next answer to question `number`."""
    deadline = time.monotonic() + ANSWER_S_MAX
    while True:
        assert socket.poll(max(0, round((deadline - time.monotonic()) * 1000))), "control does not answer"
        reply: dict[str, Any] = msgpack.unpackb(socket.recv())
        if reply["id"] == number:
            return reply


def receive(live: Socket, number: int) -> list[bytes]:
    """Return the next `number` frames that are no probes."""
    frames: list[bytes] = []
    while len(frames) < number:
        frame = live.recv()
        if not frame.startswith(PROBE + b"\0"):
            frames.append(frame)
    return frames


def acks(dealer: Socket, number: int) -> dict[tuple[str, int, int], tuple[int, int]]:
    """Return the next `number` acknowledgements: offset and level by topic, producer and sequence."""
    found: dict[tuple[str, int, int], tuple[int, int]] = {}
    while len(found) < number:
        reply = msgpack.unpackb(dealer.recv())
        assert reply["op"] == "acks", reply
        found |= {(topic, producer, sequence): (at, level) for topic, producer, sequence, at, level in reply["acks"]}
    return found


def get(url: str, seconds: float = ANSWER_S_MAX) -> tuple[int, str]:
    """Return status and text of a page."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as page:  # noqa: S310 - a broker's own address
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def metrics(broker: BrokerProcess) -> dict[str, float]:
    """Return what /metrics says, by name with labels as written there."""
    _, text = get(f"{broker.ops}/metrics")
    return {name: float(number) for name, number in re.findall(r"^(minimq_\S+) (\S+)$", text, re.MULTILINE)}


def refused_by_metrics(broker: BrokerProcess, port: str) -> Counter[str]:
    """Return what was refused on a port by kind, as /metrics says."""
    found: Counter[str] = Counter()
    for name, number in metrics(broker).items():
        match = re.fullmatch(r'minimq_frames_refused_total\{kind="(\w+)",port="(\w+)"\}', name)
        if match and match[2] == port:
            found[match[1]] = round(number)
    return found
