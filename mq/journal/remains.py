"""What is left of topics whose deletion was cut short: it goes with the next start, and is nobody's any more."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mq.journal import layout
from mq.journal.files import Files
from mq.journal.survey import read_mark
from mq.journal.tombstones import BEGUN, Tombstone


def remains(files: Files, directory: str, stone: Tombstone | None, names: Iterable[str]) -> frozenset[str]:
    """Return which of the names in a topic's directory are to go. What was appended after the deletion stays."""
    if stone is None or stone.progress != BEGUN:
        return frozenset()
    names = frozenset(names)
    bases = [base for base in layout.segment_bases(names) if base >= stone.next]
    again = {base for base in bases if files.size(os.path.join(directory, layout.segment_name(base)))}
    left = {name for name in names if (base := layout.base_of(name)) is not None and base not in again}
    mark = read_mark(files, directory, stone.topic.encode() + b"\0") if layout.MARK in names else None
    if layout.MARK in names and (not again or (mark is not None and mark.base < stone.next)):
        left.add(layout.MARK)
    return frozenset(left)
