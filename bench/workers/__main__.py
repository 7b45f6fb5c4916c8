"""Runs the program that is named."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module

PROGRAMS = {
    "pushing": ("raw", "push", "subscribe", "pace", "stopwatch"),
    "producing": ("write", "produce", "produce_each", "hear", "durable", "sync"),
    "replaying": ("fill", "messages", "batches"),
    "streams": ("xadd", "xadd_each", "xread"),
    "jetstream": ("publish", "publish_each", "consume"),
    "simulating": ("simulate",),
    "keeping": ("keep", "keep_large"),
    "looking": ("look",),
    "http": ("post", "send_lines", "meet", "bare"),
}


def main(name: str, *arguments: str) -> None:
    """Load the one theme that has it: what the others import would be in its memory."""
    theme = next(theme for theme, names in PROGRAMS.items() if name in names)
    getattr(import_module(f"bench.workers.{theme}"), name)(*arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    main(*sys.argv[1:])
