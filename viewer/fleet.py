"""All nodes, by name. Pure; whoever shares it between threads holds a lock."""

from __future__ import annotations

import re
from bisect import insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from viewer.nodes import DOWN_NS, Node, State
from viewer.samples import METRICS, SECOND_NS, Malformed, parse
from viewer.series import LIVE, Scope

NODES_MAX = 2_000
LEFT_OUT_MAX = 100_000
"""How many of the nodes beyond that are told apart, for their number."""
FORGOTTEN_NS = 7 * 24 * 3600 * SECOND_NS
"""A node that has been silent for so long is no node any more. One that is down makes room for another before that."""
TOPIC_SLASHES = 2
_DIGITS = re.compile(r"(\d+)")


class Part(NamedTuple):
    """Some of the nodes, and where they stand among those that were asked for: `page` of `pages`, from 1."""

    nodes: Sequence[Node]
    found: int
    page: int
    pages: int


class Fleet:
    """Takes records of the topics ``host/<node>/<metric>``. `now` is always the broker's time.

    `more` is how many nodes beyond the limit have been heard lately.
    """

    def __init__(self, limit: int = NODES_MAX, scope: Scope = LIVE) -> None:
        self._limit, self._scope = limit, scope
        self._nodes: dict[str, Node] = {}
        self._order: list[Node] = []
        self._spare: list[Node] | None = None
        self._left_out: set[str] = set()
        self.more = 0
        self.skipped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._nodes)

    def take(self, topic: str, body: bytes, appended: int, *, in_order: bool = True) -> None:
        """Put one record where it belongs, or count why it cannot be.

        One that is told out of order is told again later: it counts nothing, and proves nothing of who sent it.
        """
        root, name, metric = topic.split("/") if topic.count("/") == TOPIC_SLASHES else ("", "", "")
        node = self._node(name, appended) if root == "host" and metric in METRICS else None
        if node is None:
            return
        node.spoken = max(node.spoken, appended)
        try:
            sample = parse(body, metric, appended)
            node.take(metric, sample if in_order else replace(sample, collector=""), appended)
        except Malformed as why:
            node.skipped[why.kind] += in_order
            self.skipped[why.kind] += in_order

    def tidy(self, now: int) -> None:
        """Forget nodes that are no more, and of the others what no plot shows any more."""
        forgotten_ns = max(FORGOTTEN_NS, self._scope.span_ns)
        self._order = [node for node in self._order if now - node.spoken <= forgotten_ns]
        self._nodes = {node.name: node for node in self._order}
        for node in self._order:
            node.tidy(now)
        self.more = len(self._left_out)
        self._left_out.clear()
        self._spare = None

    def count(self, now: int) -> Counter[State]:
        """Return how many nodes are how."""
        return Counter(node.state(now) for node in self._nodes.values())

    def part(self, find: str, page: int, size: int) -> Part:
        """Return a page of the nodes whose names hold what is to be found, in the order of their names."""
        found = [node for node in self._order if find in node.name.lower()]
        pages = max(1, -(-len(found) // size))
        page = min(max(page, 1), pages)
        return Part(found[(page - 1) * size : page * size], len(found), page, pages)

    def _node(self, name: str, appended: int) -> Node | None:
        node = self._nodes.get(name)
        if node is None and (len(self._nodes) < self._limit or self._make_room(appended)):
            node = self._nodes[name] = Node(name, self._scope)
            insort(self._order, node, key=_natural)
        elif node is None and len(self._left_out) < LEFT_OUT_MAX:
            self._left_out.add(name)
        return node

    def _make_room(self, appended: int) -> bool:
        """Forget the node that has been silent longest, if it is down by now; return whether there was one."""
        if self._spare is None:
            self._spare = sorted(self._order, key=lambda node: node.heard, reverse=True)
        while self._spare:
            node = self._spare.pop()
            if self._nodes.get(node.name) is node and node.heard < appended - DOWN_NS:
                del self._nodes[node.name]
                self._order.remove(node)
                return True
        return False


def _natural(node: Node) -> list[tuple[int, str]]:
    """Return what sorts node2 before node10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in _DIGITS.split(node.name)]
