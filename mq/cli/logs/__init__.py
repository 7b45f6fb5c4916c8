"""What programs log, and how: for people on a terminal, else JSON, one line an event.

Libraries speak through `logging`; whoever wants fields of their own uses `structlog.get_logger`. Both come out alike.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from types import TracebackType

import structlog

from mq.cli.logs.handler import LineHandler
from mq.cli.logs.lines import formatter, pre_chain
from mq.errors import BadSetting

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "human", "json")
STANDARD_ERROR = 2

log = logging.getLogger("minimq")


def configure(environ: Mapping[str, str], *, watched: bool = True) -> None:
    """Log to standard error from here on. Raises `BadSetting`.

    `watched` starts a thread, once lines are left out, that says how many; else that is said by a later line.
    """
    level = _chosen(environ.get("MINIMQ_LOG_LEVEL"), "MINIMQ_LOG_LEVEL", LEVELS, "info")
    form = _chosen(environ.get("MINIMQ_LOG_FORMAT"), "MINIMQ_LOG_FORMAT", FORMATS, "auto")
    terminal = _is_terminal()
    human = terminal if form == "auto" else form == "human"
    colours = human and terminal and not environ.get("NO_COLOR")
    handler = LineHandler(watched=watched)
    handler.setFormatter(formatter(human=human, colours=colours))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *pre_chain(human=human),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _say_what_ends_it
    threading.excepthook = _say_what_ended


def _chosen(said: str | None, name: str, allowed: tuple[str, ...], default: str) -> str:
    """Return what a variable says, in whatever letters; an empty one says nothing."""
    word = (said or default).lower()
    if word not in allowed:
        raise BadSetting(name, "the environment", f"{said!r} is none of {', '.join(allowed)}")
    return word


def _is_terminal() -> bool:
    try:
        return os.isatty(STANDARD_ERROR)
    except OSError:
        return False


def _say_what_ends_it(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("a bug ends this program", exc_info=(kind, error, trace))


def _say_what_ended(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        name = ended.thread.name if ended.thread else "a"
        log.critical("a bug has ended the thread %s", name, exc_info=ended.exc_value)
