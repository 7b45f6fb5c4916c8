"""Who listens, as ``minimq stats`` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mq.client.link import Link

SLOW_RECORDS = 10_000
SILENT_MS = 3_000
PATTERNS_WIDTH = 40
ROW = [int, str, str, int, int, int, int]


def listeners(link: Link) -> Iterator[dict[str, Any]]:
    """Yield each subscriber that reports of itself."""
    from mq.protocol import SubscriberList, Subscribers

    after: int | None = None
    while True:
        reply = link.ask(Subscribers(link.number(), after), SubscriberList)
        for row in reply.subscribers:
            if isinstance(row, list) and list(map(type, row)) == ROW:
                _, name, patterns, lag, repaired, lost, silent_ms = row
                told = {"name": name, "patterns": patterns, "lag": lag, "repaired": repaired, "lost": lost}
                yield {**told, "silent_ms": silent_ms, "state": state(lag, silent_ms)}
        if reply.after is None or (after is not None and reply.after <= after):
            return
        after = reply.after


def state(lag: int, silent_ms: int) -> str:
    """Return a subscriber's state in one word."""
    if silent_ms > SILENT_MS:
        return "silent"
    return "slow" if lag > SLOW_RECORDS else "ok"


def table(audience: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table, the furthest behind first."""
    if not audience:
        return
    width = max(len("SUBSCRIBER"), *(len(each["name"]) for each in audience))
    yield f"{'SUBSCRIBER':<{width}}  {'STATE':<12}  {'LAG':>14}  {'REPAIRED':>10}  {'LOST':>10}  PATTERNS"
    for each in sorted(audience, key=lambda each: (-each["lag"], each["name"])):
        word = f"silent {each['silent_ms'] // 1000} s" if each["state"] == "silent" else each["state"]
        counted = f"{each['lag']:>14,}  {each['repaired']:>10,}  {each['lost']:>10,}"
        yield f"{each['name']:<{width}}  {word:<12}  {counted}  {each['patterns'][:PATTERNS_WIDTH]}"
