"""How an event looks: whatever is in it, it is one line, not too long, and of JSON when it is to be."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.cli.logs.lines import LINE_BYTES_MAX, formatter

NASTY = '\n2026-01-01 [error] not so\r\x1b[31m\x00\x7f\x85\u2028"\\é'
TEXT = st.text() | st.text(max_size=40).map(lambda it: it * 300) | st.just(NASTY)
JSON_FORM = formatter(human=False, colours=False)
HUMAN_FORM = formatter(human=True, colours=False)


def record(text: str, *arguments: Any, error: BaseException | None = None) -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("mq.broker.intake", logging.WARNING, "intake.py", 1, text, arguments, told)


def raised(text: str) -> BaseException:
    """Return an exception with a trace."""
    try:
        raise ValueError(text)  # noqa: TRY301 - only what was raised has a trace
    except ValueError as error:
        return error


def test_an_event_is_an_object_with_when_how_grave_who_and_what() -> None:
    line = JSON_FORM.format(record("%s: %d segments", "host/n1/cpu", 3))
    told = json.loads(line)
    assert list(told) == ["time", "level", "logger", "event"]
    assert (told["level"], told["logger"]) == ("warning", "mq.broker.intake")
    assert told["event"] == "host/n1/cpu: 3 segments"
    assert told["time"].endswith("Z")


def test_a_person_reads_when_how_grave_and_what() -> None:
    line = HUMAN_FORM.format(record("%s: %d segments", "host/n1/cpu", 3))
    assert "[warning" in line
    assert "host/n1/cpu: 3 segments" in line
    assert "\x1b" not in line


def test_json_keeps_what_was_said_to_the_letter() -> None:
    assert json.loads(JSON_FORM.format(record("%s", NASTY)))["event"] == NASTY


@given(TEXT)
def test_any_event_is_one_line_of_json_that_is_not_too_long(text: str) -> None:
    line = JSON_FORM.format(record("%s", text))
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < LINE_BYTES_MAX
    told = json.loads(line)["event"]
    assert told == text or (len(text) > 100 and " … " in told)


@given(TEXT, TEXT)
def test_any_event_is_one_line_for_people_that_drives_no_terminal(text: str, why: str) -> None:
    line = HUMAN_FORM.format(record("%s", text, error=raised(why)))
    assert line.isprintable()
    assert len(line.encode(errors="backslashreplace")) < LINE_BYTES_MAX


def test_an_exception_is_whole_in_json_and_in_short_for_people() -> None:
    error = raised("boom")
    told = json.loads(JSON_FORM.format(record("a bug", error=error)))
    assert told["exception"].startswith("Traceback")
    assert told["exception"].endswith("ValueError: boom")
    line = HUMAN_FORM.format(record("a bug", error=error))
    assert "ValueError: boom (test_cli_log_lines.py:" in line


@pytest.mark.parametrize("form", [JSON_FORM, HUMAN_FORM])
def test_counts_of_what_is_missing_are_there_where_there_are_any(form: logging.Formatter) -> None:
    told = record("x")
    assert "left_out" not in form.format(told)
    told.left_out, told.unwritten = 12, 34
    line = form.format(told)
    assert line.rindex("12") > line.index("left_out")
    assert line.rindex("34") > line.index("unwritten")
