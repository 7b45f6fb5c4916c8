"""``docs/systemd``: the units are well-formed, and what they and their page run exists as it is typed there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from cli_kit import environment, minimq

from mq.cli.children import END_S_MAX, KILLED_S_MAX
from mq.cli.parts import parse_only

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "systemd.md").read_text("utf-8")
UNITS = {path.name: path.read_text("utf-8") for path in sorted((DOCS / "systemd").iterdir())}
BIN = "/opt/minimq/bin/"
KEYS = {
    "Unit": {"Description", "Wants", "After", "StartLimitIntervalSec", "StartLimitBurst"},
    "Service": {
        *("Type", "ExecStart", "EnvironmentFile", "WorkingDirectory", "Restart", "RestartSec", "KillMode"),
        *("TimeoutStopSec", "LimitNOFILE", "DynamicUser", "StateDirectory", "StateDirectoryMode", "UMask"),
        *("CapabilityBoundingSet", "NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices"),
        *("ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules"),
        *("ProtectKernelTunables", "LockPersonality", "MemoryDenyWriteExecute", "RestrictAddressFamilies"),
        *("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "SystemCallArchitectures"),
        *("SystemCallErrorNumber", "SystemCallFilter"),
    },
    "Install": {"WantedBy"},
}
every_unit = pytest.mark.parametrize("name", UNITS)


def keys_of(unit: str) -> dict[str, dict[str, str]]:
    """Return the keys of a unit by its sections; fail at a line that systemd would not take, or not as it is meant."""
    sections: dict[str, dict[str, str]] = {}
    keys: dict[str, str] = {}
    for line in unit.splitlines():
        if section := re.fullmatch(r"\[(\w+)\]", line):
            assert section[1] not in sections
            keys = sections[section[1]] = {}
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            assert key not in keys, line
            keys[key] = value
    return sections


def service(name: str) -> dict[str, str]:
    return keys_of(UNITS[name])["Service"]


@cache
def help_of(*command: str) -> str:
    """Return the help of a command, which there has to be."""
    if command[0] == "minimq":
        ran = minimq(*command[1:], "--help")
        assert ran.code == 0, ran.err
        return ran.out
    program = [sys.executable, *command[1:], "--help"]
    return subprocess.run(program, capture_output=True, text=True, check=True, timeout=60, env=environment()).stdout


def check(command: str) -> None:
    """Fail unless a line of shell runs a command of ours with options that it has."""
    words = shlex.split(command.removeprefix("sudo "), comments=True)
    assert words[0].startswith(BIN)
    program = words[0].removeprefix(BIN)
    taken = 2 if program == "minimq" else words.index("-m") + 2
    text = help_of(program, *words[1:taken])
    assert all(re.search(rf"{word}\b", text) for word in words[taken:] if word.startswith("--")), command
    if "--only" in words:
        parse_only(words[words.index("--only") + 1])


def test_the_units_are_those_that_the_page_tells_of() -> None:
    assert set(UNITS) == {"minimq.service", "minimq-collector.service", "minimq-page.service"}
    assert set(re.findall(r"\]\(systemd/([^)]+)\)", PAGE)) == set(UNITS)
    assert set(re.findall(r"cp docs/systemd/(\S+) ", PAGE)) == set(UNITS)
    assert all((DOCS / path).exists() for path in re.findall(r"\]\(([^)#:]+)\)", PAGE))


@every_unit
def test_a_unit_has_its_sections_and_keys_that_there_are(name: str) -> None:
    sections = keys_of(UNITS[name])
    assert list(sections) == ["Unit", "Service", "Install"]
    for section, keys in sections.items():
        assert keys.keys() <= KEYS[section]
    assert sections["Service"].keys() >= {"Type", "ExecStart", "Restart", "DynamicUser"}
    assert "docs/systemd.md" in UNITS[name]


@every_unit
def test_what_a_unit_runs_exists_as_it_is_typed(name: str) -> None:
    check(service(name)["ExecStart"])


def test_what_the_page_runs_exists_as_it_is_typed() -> None:
    typed = re.findall(rf"^(?:ExecStart=|sudo )?({BIN}(?:minimq|python) .*)$", PAGE, re.MULTILINE)
    assert len(typed) == 3
    for command in typed:
        check(command)


def test_a_stop_is_given_more_time_than_it_takes() -> None:
    for name in ("minimq.service", "minimq-page.service"):
        assert int(service(name)["TimeoutStopSec"]) > END_S_MAX + 3 * KILLED_S_MAX
        assert service(name)["KillMode"] == "mixed"  # the children are left to their parent


def test_the_journal_lies_where_the_unit_may_write() -> None:
    unit = service("minimq.service")
    assert f"--data /var/lib/{unit['StateDirectory']}" in unit["ExecStart"]


def test_the_units_are_hardened_alike() -> None:
    differ = {"ExecStart", "EnvironmentFile", "WorkingDirectory", "KillMode", "TimeoutStopSec", "LimitNOFILE"}
    differ |= {"StateDirectory", "StateDirectoryMode"}
    first, *others = ({key: it for key, it in service(name).items() if key not in differ} for name in UNITS)
    assert all(other == first for other in others)


def test_collectors_see_all_of_proc() -> None:
    assert not any("ProtectProc" in service(name) or "ProcSubset" in service(name) for name in UNITS)
