"""What became of producers' records, step by step, as ``minimq stats`` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mq.client.link import Link

TOLD = ("topic", "producer", "received", "missing", "late", "duplicate", "unstored", "sampled", "spooled", "dropped")
ROW = [str, *[int] * 10]
STEPS = ("sampled", "spooled", "received", "journaled", "forwarded", "repaired")
LOSSES = (
    ("dropped", "given up by the producer"),
    ("missing", "lost on the way to the broker"),
    ("unstored", "not journaled, sent out live only"),
)
ODD = (("late", "late"), ("duplicate", "twice"))
ID_DIGITS = 8


def accounts(link: Link, pattern: str) -> Iterator[dict[str, Any]]:
    """Yield what is known of each producer and topic."""
    from mq.protocol import AccountList, Accounts

    after: str | None = None
    while True:
        reply = link.ask(Accounts(link.number(), [pattern], after), AccountList)
        for row in reply.accounts:
            if isinstance(row, list) and list(map(type, row)) == ROW:
                yield _account(row)
        if reply.after is None or (after is not None and reply.after <= after):
            return
        after = reply.after


def is_odd(account: dict[str, Any]) -> bool:
    """Whether something of it went, or came in another way than it should."""
    return any(account[name] for name, _ in (*LOSSES, *ODD))


def table(found: Sequence[dict[str, Any]], most: int | None = None) -> Iterator[str]:
    """Yield the lines of a table, those with the greatest loss first, `most` of them."""
    if not found:
        return
    rows = [_cells(each) for each in sorted(found, key=_place)[:most]]
    widths = [max(map(len, column)) for column in zip(*rows, HEAD, strict=True)]
    for row in [HEAD, *rows]:
        cells = [cell.ljust(width) if at in LEFT else cell.rjust(width) for at, (cell, width) in _numbered(row, widths)]
        yield "  ".join(cells).rstrip()
    if len(rows) < len(found):
        yield f"and {len(found) - len(rows):,} more: minimq stats --all"


HEAD = ["TOPIC", "PRODUCER", *(step.upper() for step in STEPS), "WHAT WENT, AND WHERE"]
LEFT = {0, 1, len(HEAD) - 1}


def _account(row: list[Any]) -> dict[str, Any]:
    account = {**dict(zip(TOLD, row, strict=False)), "repaired": row[-1]}
    account["journaled"] = account["received"] - account["unstored"]
    account["forwarded"] = account["received"]
    return account


def _place(account: dict[str, Any]) -> tuple[int, str, int]:
    return -sum(account[name] for name, _ in LOSSES), account["topic"], account["producer"]


def _cells(account: dict[str, Any]) -> list[str]:
    went = [f"{account[name]:,} {words}" for name, words in (*LOSSES, *ODD) if account[name]]
    producer = f"{account['producer']:016x}"[:ID_DIGITS]
    return [account["topic"], producer, *(f"{account[step]:,}" for step in STEPS), "; ".join(went)]


def _numbered(row: list[str], widths: list[int]) -> Iterator[tuple[int, tuple[str, int]]]:
    return enumerate(zip(row, widths, strict=True))
