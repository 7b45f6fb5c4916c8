"""A disk that is nearly full: producers wait and lose nothing, what is pushed goes out unstored, and it goes on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from conftest import StartBroker
from small_disk import SmallDisk
from waiting import eventually

import mq

sys.path.insert(0, str(Path(__file__).parents[1] / "broker"))

from raw_wire import get

SETTINGS = {"MINIMQ_SYNC_INTERVAL_S": "0.05", "MINIMQ_DISK_FREE_BYTES_MIN": str(2 << 20)}
TOPIC = "host/n1/cpu"
PAGES_LEFT = 400  # below the mark, and far from full


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with closing(SmallDisk(tmp_path / "data")) as disk:
        yield disk


def ready(broker: BrokerProcess) -> dict[str, str]:
    code, text = get(f"{broker.ops}/readyz")
    assert code == 200
    found: dict[str, str] = json.loads(text)
    return found


def test_producers_wait_until_there_is_room_again_and_what_is_pushed_goes_out_unstored(
    disk: SmallDisk, start_broker: StartBroker
) -> None:
    broker = start_broker(str(disk.path), **SETTINGS)
    with (
        mq.Producer(broker.control) as producer,
        mq.Subscriber(broker.control, "#", start=0) as live,
        mq.Push(broker.ingest) as push,
    ):
        assert producer.send(TOPIC, b"0").result(20).offset == 0
        assert live.receive(20) is not None
        disk.fill(PAGES_LEFT)
        eventually(lambda: "disk" in ready(broker))
        waiting = [producer.send(TOPIC, b"%d" % number) for number in range(1, 4)]
        assert push.ready(20)

        def heard() -> mq.Message | None:
            push.send("pushed", b"x")  # again and again: who begins to listen a moment later misses what is not stored
            return live.receive(0.5)

        message = eventually(heard)
        assert message is not None
        assert (message.topic, message.offset) == ("pushed", None)
        assert not any(ack.done for ack in waiting)
        disk.free()
        assert [ack.result(20).offset for ack in waiting] == [1, 2, 3]
        assert ready(broker) == {"status": "ready"}
    assert [message.body for message in mq.replay(broker.control, TOPIC)] == [b"0", b"1", b"2", b"3"]
    assert broker.stop() == 0
    log = broker.log.read_text()
    assert log.count("producers are told busy") == 1
    assert "frames are stored again" in log
