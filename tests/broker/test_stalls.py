"""What is not read for long: a broker that hangs loses nothing that was pushed, a subscriber not asked does not die."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest
import zmq
from broker_process import BrokerProcess
from conftest import SocketFactory
from waiting import eventually

import mq
from mq.keepalive import SILENCE_MS_MAX

LONGER_S = SILENCE_MS_MAX / 1000 * 2
NOT_ASKING = """
import sys, threading, mq
with mq.Subscriber(sys.argv[1], "t", start=0, receive_hwm=10) as subscriber:
    subscriber.receive(20)
    print("hears", flush=True)
    threading.Event().wait(float(sys.argv[2]))
    left = int(sys.argv[3]) - 1
    while left:
        left -= subscriber.receive(20) is not None
"""


def wait(seconds: float) -> None:
    """Let time pass: that nothing happens in it is what is tested."""
    subprocess.run([sys.executable, "-c", f"import threading; threading.Event().wait({seconds})"], check=True)


@pytest.mark.slow
def test_what_is_pushed_to_a_broker_that_hangs_is_there_when_it_goes_on(broker: BrokerProcess) -> None:
    with mq.Push(broker.ingest, 100_000) as push:
        assert push.ready(20)
        push.send("t", b"0")
        broker.signal(signal.SIGSTOP)
        assert all(push.send("t", b"%d" % number + bytes(500)) for number in range(1, 20_000))
        wait(LONGER_S)
        broker.signal(signal.SIGCONT)
        eventually(lambda: len(list(mq.replay(broker.control, "t"))) == 20_000)


def test_what_waits_for_a_subscriber_that_takes_nothing_is_bounded_in_bytes(
    broker: BrokerProcess, socket: SocketFactory
) -> None:
    """Also where it takes no more of large frames than may wait of small ones."""
    stuck = socket(zmq.SUB)
    stuck.rcvhwm, stuck.rcvbuf = 1, 4_096
    stuck.connect(broker.live)
    stuck.subscribe(b"t\0")
    memory = psutil.Process(broker.process.pid).memory_info
    before = memory().rss
    with mq.Producer(broker.control, "written") as producer:
        for _ in range(1_000):
            producer.send("t", bytes(400_000)).result(20)
    assert memory().rss - before < 150 << 20


@pytest.mark.slow
def test_a_subscriber_that_is_not_asked_for_long_goes_on_where_it_was(broker: BrokerProcess) -> None:
    """Libzmq could end the process."""
    command = [sys.executable, "-c", NOT_ASKING, broker.control, str(LONGER_S), "4000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        with mq.Push(broker.ingest, 10_000) as push:
            push.send("t", bytes(5000))
            assert process.stdout is not None
            assert process.stdout.readline() == "hears\n"
            for _ in range(3_999):
                push.send("t", bytes(5000))
            eventually(lambda: len(list(mq.replay(broker.control, "t"))) == 4_000)
        assert process.wait(60) == 0
