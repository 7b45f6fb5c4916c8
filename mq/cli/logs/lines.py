"""How an event looks: a line for people, or a JSON object. Whatever is in it, it stays one line of bounded length."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from mq.cli.render import printable

LINE_BYTES_MAX = 4_096
"""So much a pipe takes at one go or not at all (PIPE_BUF)."""

TEXT_LENGTHS = (2_000, 1_000, 500, 250, 100)
FIRST = ("time", "level", "logger", "event")
MEMBERS_MAX = 20


def formatter(*, human: bool, colours: bool) -> logging.Formatter:
    """Return what makes a line of a record, whether it comes from `logging` or from structlog."""
    render = _human_renderer(colours=colours) if human else _as_json
    return ProcessorFormatter(
        foreign_pre_chain=pre_chain(human=human),
        processors=[
            _add_counts,
            ProcessorFormatter.remove_processors_meta,
            _exception_in_short if human else structlog.processors.format_exc_info,
            lambda _logger, _method, event: fitting(event, render),
        ],
    )


def pre_chain(*, human: bool) -> list[Processor]:
    """Return what is added to each event: when, how grave, by whom."""
    when = {"fmt": "%Y-%m-%d %H:%M:%S", "utc": False} if human else {"fmt": "iso", "utc": True}
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(key="time", **when),  # type: ignore[arg-type]
    ]


def fitting(event: EventDict, render: Callable[[EventDict], str]) -> str:
    """Return an event as a line that is not too long: its long texts lose their middles, as far as it takes."""
    ordered = {key: event[key] for key in (*FIRST, *event) if key in event}
    few = dict(list(ordered.items())[:MEMBERS_MAX])
    for length in TEXT_LENGTHS:
        line = render({key: _shortened(it, length) for key, it in few.items()})
        if len(line.encode(errors="backslashreplace")) < LINE_BYTES_MAX:
            return line
    return render({key: _shortened(few[key], TEXT_LENGTHS[-1]) for key in FIRST if key in few})


def _shortened(it: Any, length: int) -> Any:
    """Return text of at most so many characters; of what is neither text nor a number, the text for it."""
    if it is None or isinstance(it, (bool, int, float)):
        return it
    text = it if isinstance(it, str) else str(it)
    return text if len(text) <= length else f"{text[: length // 2]} … {text[-length // 2 :]}"


def _as_json(event: EventDict) -> str:
    return json.dumps(event)


def _human_renderer(*, colours: bool) -> Callable[[EventDict], str]:
    console = structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="time", pad_event_to=0, sort_keys=False)

    def render(event: EventDict) -> str:
        shown = {key: printable(it) if isinstance(it, str) else it for key, it in event.items()}
        return str(console(None, "", shown)).rstrip()

    return render


def _add_counts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add how many lines like this were left out before it, and how many could not be written at all."""
    for name in ("left_out", "unwritten"):
        count = getattr(event["_record"], name, None)
        if count is not None:
            event[name] = count
    return event


def _exception_in_short(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put an exception into a few words: what it was, and the places it came through, the innermost first."""
    told = event.pop("exc_info", None)
    error = told if isinstance(told, BaseException) else told[1] if isinstance(told, tuple) else None
    if error is not None:
        frames = reversed(traceback.extract_tb(error.__traceback__))
        places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
        event["error"] = f"{type(error).__name__}: {error} ({places})"
    return event
