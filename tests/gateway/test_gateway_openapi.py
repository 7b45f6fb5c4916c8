"""The OpenAPI document says what the gateway does: schemathesis asks what it allows, and what it does not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_process import GatewayProcess

from mq.gateway.docs_page import page
from mq.gateway.operations import OPERATIONS
from mq.gateway.problems import KINDS

SEED = "1"
EXAMPLES = "50"
SCHEMATHESIS = (sys.executable, "-m", "schemathesis.cli", "run", "--no-color")
STREAMS = ("/v1/stream", "/v1/socket")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_schemathesis_finds_nothing(gateway: GatewayProcess, tmp_path: Path) -> None:
    gateway.produce("node1-cpu", "42.5")
    gateway.consume("node1-cpu", "me")
    excluded = [part for path in STREAMS for part in ("--exclude-path", path)]
    done = subprocess.run(
        [*SCHEMATHESIS, f"{gateway.url}/openapi.json", "--checks=all", "--seed", SEED, "-n", EXAMPLES, *excluded],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=390,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert f"Tested: {len(OPERATIONS) - len(STREAMS)}" in done.stdout


def test_the_document_names_all_that_there_is(gateway: GatewayProcess) -> None:
    found = gateway.get("/openapi.json").json
    said = {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}
    assert said == {(each.method, each.path.replace(":path", "")) for each in OPERATIONS}
    assert found["openapi"] == "3.1.0"


def test_the_page_asks_nobody_else_for_anything(gateway: GatewayProcess) -> None:
    shown = gateway.get("/docs")
    text = shown.body.decode()
    assert shown.headers["Content-Type"] == "text/html; charset=utf-8"
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert re.findall(r"<(?:script|link|img|iframe)|url\(|@import|src=", text) == []
    assert set(re.findall(r"href='([^'#]*)", text)) - {""} == {"/openapi.json"}


def test_the_page_shows_each_operation_and_each_problem_where_its_type_leads() -> None:
    shown = page(OPERATIONS)
    for each in OPERATIONS:
        assert f"<details id='{each.name}'>" in shown
    for kind in KINDS:
        assert f"id='{kind.name}'" in shown
