"""Samples that wait for a broker: the newest, as many as there is room for. Decides, and waits for nobody."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SAMPLES_MAX = 1_000
BYTES_MAX = 1_000_000


class Sample(NamedTuple):
    """A sample on its way: where to, what, and when it was read."""

    topic: str
    body: bytes
    produced: int


class Backlog:
    """Gives back in the order in which it took. What is one too many, or too large, costs the oldest."""

    def __init__(self, samples_max: int = SAMPLES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self.samples_max = samples_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._samples: deque[Sample] = deque()

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, sample: Sample) -> list[Sample]:
        """Take a sample; return those that are given up for it."""
        self._samples.append(sample)
        self._bytes += len(sample.body)
        given_up = []
        while len(self._samples) > self.samples_max or self._bytes > self._bytes_max:
            given_up.append(self.take())
        return given_up

    def take(self) -> Sample:
        """Return the oldest, which waits no longer."""
        sample = self._samples.popleft()
        self._bytes -= len(sample.body)
        return sample
