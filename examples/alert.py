"""Says which topic has been above a value for so long, and which one has fallen silent; and when that is over.

    python examples/alert.py --above 90 --seconds 60
    python examples/alert.py 'host/+/mem' --above 80 --seconds 10 --silent 30

One line for each change, on standard output, to be piped wherever it is to go. Ctrl-C ends it. Samples are those of
the collectors: msgpack maps with `time` and `value`. How long a value has been high is told by the samples' own
times, so that what comes late counts where it belongs; whether a topic is silent, by the broker's clock. While the
broker is away nobody is called silent.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

import msgpack

import mq

SECOND_NS = 1_000_000_000
BROKER_S_MAX = 5.0
SILENT_S_MIN = 5.0
LOOK_EVERY_S = 0.5
TOPICS_MAX = 100_000


@dataclass
class Topic:
    """What is known of one: when it was last heard, since when it is too high, and what has been said of it."""

    heard: int = 0
    newest: int = 0
    high_since: int | None = None
    is_high: bool = False
    is_silent: bool = False


@dataclass
class Watch:
    """Decides what is to be said. Knows no broker and no clock: times are handed in, in ns."""

    above: float
    high_ns: int
    silent_ns: int
    topics: dict[str, Topic] = field(default_factory=dict)

    def known(self, name: str, heard: int) -> Topic | None:
        """Return a topic that was heard then; None for one too many."""
        if name not in self.topics and len(self.topics) >= TOPICS_MAX:
            return None
        topic = self.topics.setdefault(name, Topic())
        topic.heard = max(topic.heard, heard)
        return topic

    def sample(self, name: str, value: float, made: int, heard: int) -> Iterator[str]:
        """Take in a sample, and yield what there is to say."""
        topic = self.known(name, heard)
        if topic is None:
            return
        if topic.is_silent:
            topic.is_silent = False
            yield f"{name}: heard again"
        if made < topic.newest:
            return
        if made - topic.newest > self.silent_ns:
            topic.high_since = None  # nobody knows what it was in between
        topic.newest = made
        if not value > self.above:
            topic.high_since = None
            if topic.is_high:
                topic.is_high = False
                yield f"{name}: fine again: {value:g}"
            return
        topic.high_since = made if topic.high_since is None else topic.high_since
        if not topic.is_high and made - topic.high_since >= self.high_ns:
            topic.is_high = True
            yield f"{name}: above {self.above:g} for {(made - topic.high_since) / SECOND_NS:g} s: {value:g}"

    def look(self, now: int, since: int) -> Iterator[str]:
        """Look who has not been heard for too long, nor could be before `since`; yield what there is to say."""
        for name, topic in self.topics.items():
            if not topic.is_silent and now - max(topic.heard, since) >= self.silent_ns:
                topic.is_silent = True
                yield f"{name}: silent for {(now - topic.heard) / SECOND_NS:.0f} s"


def main() -> int:
    """Read what is wanted, do it, and return the exit code."""
    wanted = arguments().parse_args()
    watch = Watch(wanted.above, round(wanted.seconds * SECOND_NS), round(wanted.silent * SECOND_NS))
    try:
        for message in mq.last_values(wanted.broker, wanted.pattern, timeout_s=BROKER_S_MAX):
            watch.known(message.topic, message.time)
        with mq.Subscriber(wanted.broker, wanted.pattern, timedelta(seconds=wanted.seconds)) as subscriber:
            run(subscriber, watch)
    except KeyboardInterrupt:
        return 0
    except mq.MqError as error:
        print(f"alert: {error}", file=sys.stderr)
        return 1


def arguments() -> argparse.ArgumentParser:
    """Return what may be typed."""
    parser = argparse.ArgumentParser(description="Say which topics are too high, or silent.")
    usual = os.environ.get("MINIMQ_BROKER", "tcp://127.0.0.1:5557")
    parser.add_argument("pattern", nargs="?", default="host/+/cpu", help="which samples (default: host/+/cpu)")
    parser.add_argument("--broker", default=usual, metavar="ENDPOINT", help=f"the control port (default: {usual})")
    parser.add_argument("--above", type=float, default=90.0, help="what is too high (default: 90)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long it has to be (default: 60)")
    parser.add_argument(
        "--silent",
        type=silence,
        default=30.0,
        help="after how many seconds a topic is silent, at least 5 (default: 30)",
    )
    return parser


def silence(text: str) -> float:
    """Return a number of seconds in which a broker that has gone would be noticed."""
    if float(text) < SILENT_S_MIN:
        raise ValueError(text)
    return float(text)


def run(subscriber: mq.Subscriber, watch: Watch) -> NoReturn:
    """Hear for ever, and say what there is to say."""
    looks_at = 0.0
    since: int | None = None  # when the broker was found to be there: what was sent meanwhile is still on its way
    while True:
        try:
            message = subscriber.receive(LOOK_EVERY_S)
            if message is not None:
                say(heard(watch, message))
        except (mq.Gap, mq.Trimmed, mq.Rewound) as hole:
            print(f"missed: {hole}", file=sys.stderr)
        if not subscriber.connected:
            since = None
        elif time.monotonic() >= looks_at:
            looks_at = time.monotonic() + LOOK_EVERY_S
            now = time.time_ns() + subscriber.clock_ahead_ns
            since = now if since is None else since
            say(watch.look(now, since))


def heard(watch: Watch, message: mq.Message) -> Iterator[str]:
    """Take in a record, and return what there is to say."""
    sample = sample_of(message)
    return iter(()) if sample is None else watch.sample(message.topic, *sample, message.time)


def sample_of(message: mq.Message) -> tuple[float, int] | None:
    """Return value and time of a sample; None for a record that is none."""
    try:
        sample = msgpack.unpackb(message.body)
        return float(sample["value"]), int(sample["time"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def say(lines: Iterator[str]) -> None:
    """Print, with the time, at once."""
    for line in lines:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
