"""``minimq up`` as the tests run it: on free ports, with an eye on its children."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from cli_kit import MINIMQ, Running, environment, free_ports
from waiting import eventually

import mq

NAMES = ("port", "gateway", "ingest", "live", "control", "ops")
KINDS = ("broker", "gateway", "collectors", "panel")
START_S_MAX = 60.0
END_S_MAX = 10.0


class Up(Running):
    """``minimq up`` on free ports, with data in its directory."""

    def __init__(self, directory: Path, *more: str, ignored: str = "", redirection: str = "", **environ: str) -> None:
        self.ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        self.url = f"http://localhost:{self.ports['port']}/"
        self.control = f"tcp://127.0.0.1:{self.ports['control']}"
        options = [f"--{name}={port}" for name, port in self.ports.items()]
        command = f"trap '' {ignored or 'USR1'}; exec {' '.join([*MINIMQ, 'up', *options, *more])} {redirection}"
        super().__init__(directory, ["/bin/sh", "-c", command], environment(**{"NODE_NAME": "n1", **environ}))
        self._seen: set[psutil.Process] = set()

    def children(self, count: int) -> dict[str, psutil.Process]:
        """Return so many of its children by what they run, once they are there."""

        def found() -> dict[str, psutil.Process]:
            by_kind = {_kind(each): each for each in psutil.Process(self.process.pid).children()}
            return by_kind if len(by_kind.keys() & set(KINDS)) >= count else {}

        children = eventually(found, START_S_MAX)
        self._seen.update(children.values())
        return {kind: child for kind, child in children.items() if kind}

    def wait_for_page(self) -> None:
        """Return once it says that it is up, and where the page is."""
        self.wait_for(self.url)

    def wait_for(self, said: str) -> None:
        """Return once it has printed this."""
        eventually(lambda: said in self.out or self.process.poll() is not None, START_S_MAX)
        assert said in self.out, self.err

    def complaints(self) -> list[str]:
        """Return what it has said of its children."""
        return [event for event in self.events if event.startswith("the ")]

    def newest(self) -> mq.Message | None:
        """Return the last sample of the node in its broker."""
        return newest(self.control)

    def all_gone(self) -> bool:
        """Whether none of its children runs any more."""
        return not any(_runs(each) for each in self._seen)


def newest(control: str) -> mq.Message | None:
    """Return the last sample of the node that a broker has."""
    with mq.replay(control, "host/n1/cpu") as records:
        return next(reversed(list(records)), None)


def _kind(process: psutil.Process) -> str:
    """Return what a child runs; nothing while it is not started or no more."""
    try:
        command = process.cmdline()
    except psutil.Error:
        return ""
    return next((word for word in KINDS if word in command), "")


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def up(directory: Path, *more: str, ignored: str = "", redirection: str = "", **environ: str) -> Iterator[Up]:
    """Run it for as long as the block lasts; nothing of it may be left then."""
    run = Up(directory, *more, ignored=ignored, redirection=redirection, **environ)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait()
        eventually(run.all_gone, END_S_MAX)
