"""Help teaches: every command and every option says what it is for, and what to type."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from cli_kit import minimq

import mq
from mq.cli.app import COMMANDS as APP_COMMANDS
from mq.cli.app import app

ROOT = Path(__file__).parents[2]
COMMAND = typer.main.get_command(app)


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command with the words that it is typed with."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(_commands(COMMAND))
GROUPS = {name.partition(" ")[0] for name in COMMANDS if " " in name}
HEAVY = {
    *("zmq", "msgpack", "google_crc32c", "zstandard", "psutil", "asyncio", "rich", "numpy", "pyarrow", "pandas"),
    *("panel", "bokeh", "waitress", "prometheus_client", "starlette", "uvicorn", "structlog"),
}
OTHER_ROOMS = (
    *("mq.client", "mq.broker", "mq.journal", "mq.protocol", "mq.transfer", "mq.gateway", "mq.metrics"),
    *("collectors.readers", "viewer"),
)
every_command = pytest.mark.parametrize("name", sorted(COMMANDS))


def test_the_commands_are_those_that_people_and_scripts_rely_on() -> None:
    assert set(COMMANDS) >= {"up", "broker", "collect", "view", "pub", "tail", "replay", "stats", "verify", "repair"}
    assert set(COMMANDS) >= {"topics list", "topics delete"}
    assert set(COMMANDS) >= {"consumers list", "consumers reset", "consumers delete"}


@every_command
def test_each_command_says_what_it_does_and_shows_how_it_is_typed(name: str) -> None:
    text = COMMANDS[name].help or ""
    assert text.splitlines()[0].endswith(".")
    typed = name.removesuffix(" list")
    assert re.search(rf"^\s*(.* \| )?minimq {typed}\b", text, re.MULTILINE), "there is no example"


@every_command
def test_each_option_and_argument_has_help(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert (parameter.help or "").endswith("."), parameter.name


@every_command
def test_help_is_printed_with_every_option(name: str) -> None:
    ran = minimq(*name.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    for parameter in COMMANDS[name].params:
        assert all(option in ran.out for option in parameter.opts if option.startswith("--"))


def test_without_a_command_all_are_listed() -> None:
    ran = minimq("--help")
    assert ran.code == 0
    listed = ran.out[ran.out.index("Commands:") :]
    assert all(re.search(rf"^  {name.partition(' ')[0]} ", listed, re.MULTILINE) for name in COMMANDS)
    without = minimq()
    assert without.out + without.err == ran.out


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_a_group_lists_its_commands(name: str) -> None:
    ran = minimq(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert all(f"\n  {each.partition(' ')[2]} " in ran.out for each in COMMANDS if each.startswith(f"{name} "))


def test_the_version_is_that_of_the_package() -> None:
    ran = minimq("--version")
    assert (ran.code, ran.out) == (0, f"minimq {mq.__version__}\n")


def test_a_command_that_there_is_not_is_a_usage_error() -> None:
    ran = minimq("explode")
    assert (ran.code, ran.out) == (2, "")
    assert "No such command 'explode'" in ran.err


@pytest.mark.parametrize("name", ["", *sorted(GROUPS), *sorted(COMMANDS)])
def test_help_comes_at_once_as_it_brings_in_nothing_that_it_does_not_need(name: str) -> None:
    """Help takes some 0.1 s, most of it Typer's; a test of time would fail on a busy machine."""
    program = f"""
import sys, atexit
atexit.register(lambda: print("MODULES", *sys.modules))
sys.argv = ["minimq", *{name.split()!r}, "--help"]
from mq.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    modules = set(done.stdout.rpartition("MODULES")[2].split())
    assert "mq.cli.app" in modules
    assert modules.isdisjoint(HEAVY)
    assert not [each for each in modules if each.startswith(OTHER_ROOMS)]
    commands = {entry.home.partition(":")[0] for entry in APP_COMMANDS.values()}
    asked = {APP_COMMANDS[name.split(maxsplit=1)[0]].home.partition(":")[0]} if name else set()
    assert modules & commands == asked


@pytest.mark.parametrize(
    ("missing", "command", "extra"),
    [
        ("psutil", ["collect"], "collectors"),
        ("waitress", ["broker", "--data", "/nonexistent"], "broker"),
        ("panel", ["view"], "viewer"),
    ],
)
def test_an_extra_that_is_not_installed_is_named_with_how_to_get_it(
    missing: str, command: list[str], extra: str
) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = {command!r}; from mq.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"minimq: this command needs {missing}: pip install 'minimq[{extra}]'\n"
