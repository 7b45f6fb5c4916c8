"""Completion, in a real bash whose user has typed ``minimq --install-completion``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from cli_kit import environment, nobody, store
from pty_kit import Terminal, terminal

from mq.cli.app import COMMANDS

BASH = "/bin/bash"
PROMPT = "ready> "


def environ_of(home: Path, broker: str) -> dict[str, str]:
    """Return the environment of somebody at home there, with ``minimq`` on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return environment(broker, HOME=str(home), PATH=path, TERM="dumb")


def bash(home: Path, line: str) -> str:
    """Return what a line prints in a bash of that home, which the line must not replace."""
    done = subprocess.run(
        [BASH, "-c", f"{line}; exit $?"],
        env=environ_of(home, "tcp://127.0.0.1:1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home in which completion is installed."""
    home = tmp_path_factory.mktemp("home")
    (home / ".bashrc").write_text(f"PS1={PROMPT!r}\n")
    assert "completion installed in" in bash(home, "minimq --install-completion")
    return home


@pytest.fixture
def typing(home: Path, tmp_path: Path) -> Iterator[Terminal]:
    """Return a bash that waits for keys, with no broker to ask."""
    with nobody() as endpoint, terminal([BASH, "-i"], environ_of(home, endpoint), tmp_path) as shell:
        shell.wait_for(PROMPT)
        yield shell


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("minimq consu\t", "minimq consumers "),
        ("minimq consumers res\t", "minimq consumers reset "),
        ("minimq consumers --js\t", "minimq consumers --json "),
        ("minimq topics --json --bro\t", "minimq topics --json --broker "),
        ("minimq tail --templ\t", "minimq tail --template "),
        ("minimq tail --color al\t", "minimq tail --color always "),
        ("minimq --vers\t", "minimq --version "),
    ],
)
def test_a_tab_completes_commands_options_and_words(typing: Terminal, typed: str, becomes: str) -> None:
    typing.press(typed)
    typing.wait_for(becomes)


def test_two_tabs_list_all_commands(typing: Terminal) -> None:
    typing.press("minimq \t\t")
    for name in COMMANDS:
        typing.wait_for(name)


def test_where_a_file_is_meant_files_are_completed(typing: Terminal, tmp_path: Path) -> None:
    (tmp_path / "yesterday.csv").touch()
    typing.press("minimq import yest\t")
    typing.wait_for("minimq import yesterday.csv ")


def test_topics_are_completed_where_a_broker_answers(broker: BrokerProcess, home: Path, tmp_path: Path) -> None:
    store(broker, "host/n1/cpu", b"1")
    with terminal([BASH, "-i"], environ_of(home, broker.control), tmp_path) as shell:
        shell.wait_for(PROMPT)
        shell.press("minimq replay host/n1/c\t")
        shell.wait_for("minimq replay host/n1/cpu ")


def test_what_is_shown_can_be_sourced(tmp_path: Path) -> None:
    words = "COMP_WORDS=(minimq verif) COMP_CWORD=1"
    line = f'source <(minimq --show-completion); {words}; _minimq_completion minimq; echo "${{COMPREPLY[@]}}"'
    assert bash(tmp_path, line) == "verify\n"
    assert list(tmp_path.iterdir()) == []


def test_completing_a_name_imports_no_command() -> None:
    asked = {"COMP_WORDS": "minimq ", "COMP_CWORD": "1", "_MINIMQ_COMPLETE": "complete_bash"}
    program = """
import atexit, sys
atexit.register(lambda: print(*sys.modules))
sys.argv = ["minimq"]
from mq.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(None, **asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *names, modules = done.stdout.splitlines()
    assert names == list(COMMANDS)
    homes = {entry.home.partition(":")[0] for entry in COMMANDS.values()}
    assert homes.isdisjoint(modules.split())
