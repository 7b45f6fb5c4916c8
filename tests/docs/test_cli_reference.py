"""``docs/cli.md`` is what the help says, and what it says by hand is so."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import typer
from broker_process import BrokerProcess
from cli_reference import MARK, PAGE, reference

import mq.cli
from mq.cli import repair, verify
from mq.cli.app import app
from mq.client.points import parse_point
from mq.transfer.rows import COLUMNS

TEXT = PAGE.read_text("utf-8")
BY_HAND = TEXT.partition(MARK)[0]
MINIMQ = [sys.executable, "-m", "mq.cli"]


def every_command(command: Any, words: str = "minimq") -> Iterator[tuple[str, Any]]:
    yield words, command
    for name, each in getattr(command, "commands", {}).items():
        yield from every_command(each, f"{words} {name}")


def first_cells(heading: str) -> list[list[str]]:
    """Return what stands in the first cells of the table with this heading, each as its code, or as it is."""
    found = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", BY_HAND, re.MULTILINE)
    assert found is not None
    cells = [row.strip("| ").split(" | ")[0] for row in found[1].splitlines()]
    return [re.findall(r"`([^`]+)`", cell) or [cell] for cell in cells]


def code_of(*arguments: str) -> int:
    return subprocess.run([*MINIMQ, *arguments], capture_output=True, timeout=60, check=False).returncode


def test_the_page_is_what_the_help_says() -> None:
    assert reference() == TEXT, "python tests/docs/cli_reference.py writes it anew"


def test_every_command_argument_and_option_is_there() -> None:
    for words, command in every_command(typer.main.get_command(app)):
        section = re.search(rf"^##+ `{words}`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
        assert section is not None, words
        for each in command.params:
            for name in each.opts if each.param_type_name == "option" else [each.metavar]:
                assert re.search(rf"^\| `[^`]*(?<![\w-]){re.escape(name)}(?![\w-])", section[1], re.MULTILINE), name


def test_every_exit_code_is_there() -> None:
    told = {int(code) for (code,) in first_cells("code")}
    codes = {verify.WHOLE, verify.DAMAGED, verify.NOT_LOOKED, repair.DONE, repair.NOT_DONE, repair.NOT_POSSIBLE}
    assert told == codes | {mq.cli.INTERRUPTED}
    assert code_of("--version") == 0
    assert code_of("tail", "a//b") == 1
    assert code_of("tail", "--from") == code_of("explode") == 2


def test_an_interrupt_has_its_code(broker: BrokerProcess) -> None:
    command = [*MINIMQ, "pub", "notes", "--broker", broker.control]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(b"one\n")
        run.stdin.flush()
        with mq.Subscriber(broker.control, "notes", start=0) as subscriber:
            assert subscriber.receive(30) is not None  # it is at work by now
        run.send_signal(signal.SIGINT)
        assert run.wait(30) == mq.cli.INTERRUPTED


def test_every_way_to_write_a_point_is_understood() -> None:
    written = [form for cell in first_cells("written") for form in cell]
    assert len(written) > 10
    for form in written:
        parse_point(*shlex.split(form))


def test_every_column_of_an_export_is_there() -> None:
    assert {name for cell in first_cells("column") for name in cell} == set(COLUMNS)
