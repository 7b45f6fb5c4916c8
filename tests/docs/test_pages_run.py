"""What the documentation shows runs as it stands, and prints what the page says that it prints.

The blocks of a page run in order: Python in one namespace, shell in one directory, both against one broker, whose ports
stand in for the usual ones; where a page asks the gateway, one runs for it. `docs/tutorial.md` has a test of its own
(`tests/cli/test_tutorial.py`), which starts everything as a reader does.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from broker_process import BrokerProcess
from conftest import StartGateway
from page import ROOT, Step, is_said, steps_of

import mq

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
ELSEWHERE = {
    "docs/tutorial.md": "typed by tests/cli/test_tutorial.py",
    "docs/docker.md": "needs Docker: make test-docker",
    "docs/kubernetes.md": "needs a cluster: what it says is checked by tests/kube",
    "docs/systemd.md": "needs systemd: its units are checked by tests/cli/test_cli_systemd.py",
}
# toml: docs/settings.md, read by tests/cli/test_cli_settings_docs.py; json: docs/logs.md, by tests/cli/test_cli_logs.py
KINDS = {"python", "sh", "toml", "json"}
RUN_S_MAX = 60
# What is on everybody's path; what would go on for ever, or ask, is told not to: of a stream the first event will do.
SHELL = """
hostname() { echo n1; }
minimq() {
    case "$1 ${2-}" in
        tail*) shift; set -- tail --from 0 --count 1 "$@" ;;
        "topics delete"|"consumers delete") set -- "$@" --yes ;;
    esac
    "$PYTHON" -W error -m mq.cli "$@"
}
curl() {
    case " $* " in
        *" -N "*) exec 3< <(exec curl -s "$@"); sed '/^data/q' <&3; kill $! ;;
        *) command curl -s "$@" ;;
    esac
}
"""
# What is on a reader's machine before the page begins.
THERE = {"README.md": ["host/n1/cpu", "host/old/cpu"]}
GATEWAY = "http://127.0.0.1:5000"
OPS = "http://127.0.0.1:5558"
BEGUN_BY_HAND = ("make ",)  # the README's two commands, each of them a target that CI runs


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def runnable(page: Path) -> list[Step]:
    return [it for it in steps_of(page) if it.kind in ("python", "sh") and not it.text.startswith(BEGUN_BY_HAND)]


RUN = [page for page in PAGES if name_of(page) not in ELSEWHERE and runnable(page)]


def run_python(step: Step, page: Path, broker: BrokerProcess, namespace: dict[str, Any]) -> str:
    """Run it in this process, with the page's own lines in tracebacks, and return what it prints."""
    text = step.text
    for usual, real in (("5557", broker.control), ("5555", broker.ingest), ("5556", broker.live)):
        text = text.replace(f"tcp://127.0.0.1:{usual}", real)
    code = compile("\n" * step.line + text, str(page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, namespace)  # noqa: S102 - running what our own pages show is what this is for
    return printed.getvalue()


def run_shell(text: str, broker: BrokerProcess, directory: Path) -> str:
    """Run it where the broker keeps its data, and return what it prints; it must not fail."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MINIMQ_")}
    command = ["bash", "-euc", SHELL + text]
    done = subprocess.run(
        command,
        cwd=directory,
        env={**ours, "PYTHON": sys.executable, "MINIMQ_BROKER": broker.control},
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_what_a_page_shows_runs_and_prints_what_it_says(
    page: Path,
    broker: BrokerProcess,
    start_gateway: StartGateway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # what a page makes is made there
    namespace: dict[str, Any] = {"__name__": page.stem}
    gateway = start_gateway().url if any(GATEWAY in step.text for step in runnable(page)) else GATEWAY
    with mq.Producer(broker.control, "written") as producer:
        for topic in THERE.get(name_of(page), []):
            producer.send(topic, b"42")
    for step in runnable(page):
        if step.kind == "python":
            printed = run_python(step, page, broker, namespace)
        else:
            printed = run_shell(step.text.replace(GATEWAY, gateway).replace(OPS, broker.ops), broker, tmp_path)
        place = f"{name_of(page)}:{step.line}"
        assert step.said is None or is_said(step.said, printed), f"{place} prints\n{printed}\nand not\n{step.said}"


def test_no_page_has_a_block_that_nothing_runs() -> None:
    kinds = {step.kind for page in PAGES if name_of(page) not in ELSEWHERE for step in steps_of(page)}
    assert kinds <= KINDS
    assert all((ROOT / name).is_file() for name in ELSEWHERE)


def test_python_that_prints_is_followed_by_what_it_prints() -> None:
    silent = [
        f"{name_of(page)}:{step.line}"
        for page in RUN
        for step in runnable(page)
        if "print(" in step.text and step.said is None and name_of(page) != "README.md"
    ]
    assert silent == []
