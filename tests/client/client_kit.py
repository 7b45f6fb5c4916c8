"""What the client's tests share: a broker that says what a test wants, and a look at what a client leaves behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import zmq
from waiting import eventually

from mq.frame import Frame, check, encode, parse, stamp
from mq.protocol import Control, Hello, Welcome, decode, is_request

EPOCH = 5
Answers = Iterable[Control]
Handle = Callable[[Control | bytes], Answers]


def stamped(topic: str, *records: bytes, offset: int, epoch: int = EPOCH, appended: int = 1) -> bytes:
    """Return a frame as a broker sends it."""
    return stamp(check(encode(topic, records, produced=7)), offset, appended, epoch)


def frame(topic: str, *records: bytes, offset: int, epoch: int = EPOCH) -> Frame:
    """Return the same, taken apart."""
    return parse(stamped(topic, *records, offset=offset, epoch=epoch))


def greeting(answer: Handle, frame_bytes_max: int = 1 << 20) -> Handle:
    """Return what greets a producer, and hands all else on to `answer`."""

    def handle(heard: Control | bytes) -> Answers:
        if isinstance(heard, Hello):
            return [Welcome(heard.id, 1, "fake", EPOCH, 1, 1, 1, 1, frame_bytes_max)]
        return answer(heard)

    return handle


def open_files() -> set[str]:
    """Return what this process has open: sockets, pipes, files."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the descriptor by which the directory was read
            continue
    return found


def later_epoch() -> None:
    """Wait until a journal on an empty directory gets an epoch that none so far has had: it is made of the second."""
    second = int(time.time())
    eventually(lambda: int(time.time()) > second)


class FakeBroker:
    """Answers on control as `handle` says, on a thread of its own; `live` is for the test to publish on."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._control = self._context.socket(zmq.ROUTER)
        self.live = self._context.socket(zmq.XPUB)
        for socket in (self._control, self.live):
            socket.linger = 0
        self.port = self._control.bind_to_random_port("tcp://127.0.0.1")
        self.live_port = self.live.bind_to_random_port("tcp://127.0.0.1")
        self.heard: list[Control | bytes] = []
        self._ending = self._context.socket(zmq.PAIR)
        self._ending.bind("inproc://ending")
        self._end = self._context.socket(zmq.PAIR)
        self._end.connect("inproc://ending")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def control(self) -> str:
        """Where DEALER sockets connect."""
        return f"tcp://127.0.0.1:{self.port}"

    def welcome(self, number: int) -> Welcome:
        """Return what this broker says of itself."""
        return Welcome(number, 1, "fake", EPOCH, 1, self.live_port, self.port, 1, 1 << 20)

    def close(self) -> None:
        """End it."""
        self._end.send(b"")
        self._thread.join()
        self._context.destroy()

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._control, zmq.POLLIN)
        poller.register(self._ending, zmq.POLLIN)
        while self._ending not in dict(poller.poll()):
            client, message = self._control.recv_multipart()
            heard = decode(message) if is_request(message) else message
            self.heard.append(heard)
            for answer in self._handle(heard):
                self._control.send_multipart([client, answer.encode()])


StartFake = Callable[[Handle], FakeBroker]


@contextmanager
def fakes() -> Iterator[StartFake]:
    """Yield a function that starts fake brokers; all are ended at the end."""
    started: list[FakeBroker] = []

    def start(handle: Handle) -> FakeBroker:
        started.append(FakeBroker(handle))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.close()
