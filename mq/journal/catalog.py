"""The topics there are, and which of them have changed. One thread adds, any may ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from mq.journal.interface import Head, TopicInfo
from mq.journal.topic_log import TopicLog
from mq.topic import Pattern

_Row = TypeVar("_Row")


class Catalog:
    """Logs by topic. Changes are counted from above all that an earlier opening can have counted."""

    def __init__(self, epoch: int, logs: Iterable[TopicLog]) -> None:
        self._changes = (epoch << 32) + 1
        self._logs: dict[str, TopicLog] = {}
        self._by_name: dict[bytes, TopicLog] = {}
        for log in logs:
            log.changed = self._changes
            self._adopt(log)

    def __len__(self) -> int:
        return len(self._logs)

    def all(self) -> list[TopicLog]:
        """Return all logs there are."""
        return list(self._logs.values())

    def get(self, topic: str) -> TopicLog | None:
        """Return the log of a topic."""
        return self._logs.get(topic)

    def get_by_name(self, name: bytes) -> TopicLog | None:
        """Return the same, for a topic as it travels."""
        return self._by_name.get(name)

    def note_change(self, log: TopicLog) -> None:
        """Count a change, after it has happened. A log is known from its first change on.

        The log's number goes first: whoever is told the new count sees all that it counts.
        """
        if log.changed == 0:
            self._adopt(log)
        log.changed = self._changes + 1
        self._changes += 1

    def remove(self, log: TopicLog) -> None:
        """Forget a log."""
        del self._logs[log.topic], self._by_name[log.name[:-1]]

    def matching(self, patterns: Sequence[Pattern], after: str | None, since: int = 0) -> list[TopicLog]:
        """Return the logs of topics that match and have changed, in order, those behind the topic `after`."""
        if all(pattern.exact for pattern in patterns):
            logs = [log for topic in {pattern.text for pattern in patterns} if (log := self._logs.get(topic))]
        else:
            logs = list(self._logs.values())
        chosen = [
            log
            for log in logs
            if log.changed > since
            and (after is None or log.topic > after)
            and any(pattern.matches(log.topic) for pattern in patterns)
        ]
        return sorted(chosen, key=lambda log: log.topic)

    def heads(
        self, patterns: Sequence[Pattern], since: int, after: str | None, count: int
    ) -> tuple[list[Head], int, str | None]:
        """Return the ends of topics changed since the token `since`, the next token, and where to go on after."""
        token = self._changes
        if since > token:  # it is not of this journal's giving
            since = 0
        changed = self.matching(patterns, after, since)
        rows, more = _page((Head(log.topic, log.state.next, log.state.epoch) for log in changed), count)
        return rows, token, rows[-1].topic if more else None

    def topics(self, patterns: Sequence[Pattern], after: str | None, count: int) -> tuple[list[TopicInfo], str | None]:
        """Return what is held of matching topics, and the topic to go on after when there are more."""
        rows, more = _page((_info(log) for log in self.matching(patterns, after)), count)
        return rows, rows[-1].topic if more else None

    def _adopt(self, log: TopicLog) -> None:
        self._logs[log.topic] = log
        self._by_name[log.name[:-1]] = log


def _page(rows: Iterable[_Row], count: int) -> tuple[list[_Row], bool]:
    page: list[_Row] = []
    for row in rows:
        if len(page) == count:
            return page, True
        page.append(row)
    return page, False


def _info(log: TopicLog) -> TopicInfo:
    state = log.state
    return TopicInfo(log.topic, state.first, state.next, log.bytes_held(), len(state.segments), state.appended)
