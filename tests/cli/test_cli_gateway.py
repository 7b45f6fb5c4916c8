"""``minimq gateway``: what cannot be is one line; what it answers is tested in ``tests/gateway``."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cli_kit import minimq, taken_port


def test_a_taken_port_is_one_line_with_the_port_and_the_option() -> None:
    with taken_port() as port:
        ran = minimq("gateway", "--port", str(port))
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint.startswith(f"minimq: 127.0.0.1:{port} is taken by another program")
    assert "--port" in ran.complaint


@pytest.mark.parametrize(
    ("options", "why"),
    [(["--broker", "h"], "'h' is not a broker's endpoint"), (["--address", "192.0.2.1"], "--address 192.0.2.1")],
)
def test_what_cannot_be_is_one_line(options: list[str], why: str) -> None:
    ran = minimq("gateway", "--port", "0", *options)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.complaint


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("BODY_BYTES_MAX", "x", "is not a whole number"),
        ("IDLE_S_MAX", "nan", "no number"),
        ("STREAMS_MAX", "0", "below"),
    ],
)
def test_a_limit_that_cannot_be_is_one_line(name: str, value: str, why: str) -> None:
    ran = minimq("gateway", "--port", "0", environ={f"MINIMQ_GATEWAY_{name}": value})
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint.startswith(f"minimq: {name.lower()} in the environment (MINIMQ_GATEWAY_{name})")
    assert why in ran.complaint


@pytest.mark.parametrize("command", [["gateway"], ["up", "--only=gateway"]])
def test_without_its_extra_it_is_refused_with_how_to_get_it(command: list[str]) -> None:
    program = f"import sys; sys.modules['starlette'] = None; sys.argv[1:] = {command!r};from mq.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "minimq: this command needs starlette: pip install 'minimq[gateway]'\n"
