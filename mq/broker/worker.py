"""A thread that is missed: when it ends by an error, somebody is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Thread

_log = logging.getLogger(__name__)

Died = Callable[[BaseException], None]


def worker(name: str, run: Callable[[], None], died: Died) -> Thread:
    """Return a thread that runs `run`. A broker that lacks one of its threads must not go on as if nothing were."""

    def body() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the thread is no more
            _log.critical("the %s thread has died", name, exc_info=error)
            died(error)

    return Thread(target=body, name=name, daemon=True)
