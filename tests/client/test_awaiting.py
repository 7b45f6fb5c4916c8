"""`async for` over a subscriber: the same records, other tasks meanwhile, and nothing lost to whoever is cancelled."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from broker_process import BrokerProcess
from client_kit import later_epoch, open_files

import mq
from mq.errors import Gap, Rewound, Trimmed

TOPIC = "host/n1/cpu"
PATIENCE_S = 20.0


def fill(broker: BrokerProcess, count: int, first: int = 0) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for number in range(first, first + count):
            producer.send(TOPIC, b"%d" % number)


async def take(subscriber: mq.Subscriber, count: int) -> list[int | None]:
    found: list[int | None] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            found.append((await anext(subscriber)).offset)
    return found


async def take_all(subscriber: mq.Subscriber, found: list[int | None]) -> None:
    async for message in subscriber:
        found.append(message.offset)  # noqa: PERF401 - what was had before an error counts


async def begun(subscriber: mq.Subscriber) -> None:
    """Wait until it listens: what is sent from now on is live for it."""
    while not subscriber.connected or not subscriber._tracker._listed:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(subscriber)


@asynccontextmanager
async def beside(work: Callable[[], Awaitable[None]]) -> AsyncIterator[asyncio.Task[None]]:
    """Run something as another task meanwhile."""

    async def run() -> None:
        await work()

    task = asyncio.create_task(run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_history_then_live_comes_as_to_everybody(broker: BrokerProcess) -> None:
    async def main() -> None:
        fill(broker, 1_000)
        with mq.Subscriber(broker.control, "host/#", 0) as subscriber:
            assert await take(subscriber, 1_000) == list(range(1_000))
            await asyncio.to_thread(fill, broker, 500, 1_000)
            assert await take(subscriber, 500) == list(range(1_000, 1_500))

    asyncio.run(main())


def test_a_record_that_comes_wakes_who_waits_long_before_anything_else_would(broker: BrokerProcess) -> None:
    """The ends are asked for every second, so one wake-up that is missed takes most of that."""

    async def main() -> None:
        with mq.Subscriber(broker.control, "host/#") as subscriber, mq.Push(broker.ingest) as push:
            assert push.ready(PATIENCE_S)
            await begun(subscriber)
            waits = []
            for number in range(200):
                waiting = asyncio.ensure_future(anext(subscriber))
                await asyncio.sleep(0)
                began = time.monotonic()
                push.send(TOPIC, b"x")
                assert (await waiting).offset == number
                waits.append(time.monotonic() - began)
            assert sorted(waits)[len(waits) * 9 // 10] < 0.3

    asyncio.run(main())


def test_who_is_cancelled_while_waiting_loses_nothing(broker: BrokerProcess) -> None:
    async def main() -> None:
        ending = threading.Event()
        sent: list[mq.Ack] = []

        def produce() -> None:
            with mq.Producer(broker.control, "written") as producer:
                while not ending.is_set():
                    sent.append(producer.send(TOPIC, b"x"))
                    sent[-1].result(PATIENCE_S)

        thread = threading.Thread(target=produce)
        with mq.Subscriber(broker.control, "host/#", 0) as subscriber:
            thread.start()
            found: list[int | None] = []
            cancelled = 0
            deadline = time.monotonic() + PATIENCE_S
            while (len(found) < 1_000 or cancelled < 100) and time.monotonic() < deadline:
                try:
                    async with asyncio.timeout(0.001):
                        await take_all(subscriber, found)
                except TimeoutError:
                    cancelled += 1
            ending.set()
            await asyncio.to_thread(thread.join)
            found += await take(subscriber, len(sent) - len(found))
        assert found == list(range(len(sent)))
        assert cancelled >= 100

    asyncio.run(main())


def test_other_tasks_get_their_turn_while_records_come_without_an_end(broker: BrokerProcess) -> None:
    with mq.Producer(broker.control, "written") as producer:
        for _ in range(50):
            producer.send_many(TOPIC, [b"x"] * 2_000)

    async def main() -> None:
        longest, last = 0.0, time.monotonic()

        async def tick() -> None:
            nonlocal longest, last
            while True:
                await asyncio.sleep(0)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()

        with mq.Subscriber(broker.control, "host/#", 0) as subscriber:
            async with beside(tick):
                assert await take(subscriber, 100_000) == list(range(100_000))
        assert 0 < longest < 1.0

    asyncio.run(main())


def test_close_by_another_task_ends_the_iteration_and_leaves_nothing(broker: BrokerProcess) -> None:
    async def main() -> None:
        before = open_files()
        subscriber = mq.Subscriber(broker.control, "nobody")

        async def listen() -> None:
            async for _ in subscriber:
                raise AssertionError("there is nothing to be heard")

        async with beside(listen) as task:
            while not subscriber.connected:
                await asyncio.sleep(0)
            assert not task.done()
            subscriber.close()
            async with asyncio.timeout(PATIENCE_S):
                await task
        with pytest.raises(StopAsyncIteration):
            await anext(subscriber)
        assert open_files() <= before

    asyncio.run(main())


def test_a_second_task_is_told_to_share(broker: BrokerProcess) -> None:
    async def main() -> None:
        with mq.Subscriber(broker.control, TOPIC) as subscriber:
            await begun(subscriber)
            first = asyncio.ensure_future(anext(subscriber))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="let one hand the records on"):
                await anext(subscriber)
            await asyncio.to_thread(fill, broker, 1)
            assert (await first).offset == 0

    asyncio.run(main())


def test_what_cannot_be_had_is_raised_and_the_iteration_goes_on_behind_it(broker: BrokerProcess) -> None:
    fill(broker, 100)
    broker.stop()
    (segment,) = (broker.data / "topics" / TOPIC).glob("@*.log")
    with segment.open("r+b") as file:
        file.seek(segment.stat().st_size // 2)
        file.write(bytes(200))
    broker.restart()

    async def main() -> None:
        with mq.Subscriber(broker.control, TOPIC, 0) as subscriber:
            found: list[int | None] = []
            with pytest.raises(Gap) as gap:
                await take_all(subscriber, found)
            found += await take(subscriber, 100 - gap.value.next)
            assert found == [*range(gap.value.first), *range(gap.value.next, 100)]
            assert subscriber.lost == gap.value.next - gap.value.first
            broker.kill()
            later_epoch()
            shutil.rmtree(broker.data)
            broker.restart()
            await asyncio.to_thread(fill, broker, 3)
            with pytest.raises((Rewound, Trimmed)):
                await take(subscriber, 1)
            assert await take(subscriber, 3) == [0, 1, 2]

    asyncio.run(main())


def test_waiting_takes_next_to_no_work(broker: BrokerProcess) -> None:
    async def main() -> None:
        with mq.Subscriber(broker.control, "nobody") as subscriber:
            await begun(subscriber)
            before, began = time.process_time(), time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.5):
                    await anext(subscriber)
            assert time.monotonic() - began >= 2.5
            assert time.process_time() - before < 0.5

    asyncio.run(main())


def test_who_does_not_await_carries_no_asyncio() -> None:
    program = "import mq.client.subscriber, sys; print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False"
