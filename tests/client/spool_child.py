"""A producer to be killed: sends as fast as it can, and writes down each record once its `send` has returned."""

from __future__ import annotations

import os
import sys
from itertools import count

import mq


def main(control: str, spool: str, life: str) -> None:
    """Send until killed. The buffer is small, so that records come from memory and from the disk."""
    producer = mq.Producer(control, "written", spool=spool, buffer_bytes_max=20_000)
    for number in count():
        producer.send(f"topic/{number % 2}", b"%s %d" % (life.encode(), number))
        os.write(1, b"%d\n" % number)


if __name__ == "__main__":
    main(*sys.argv[1:])
