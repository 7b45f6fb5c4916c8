"""docker-compose.yml from an empty machine to an empty machine: real containers, a real browser, and the real host."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import psutil
import pytest
from compose_stack import METRICS, SERVICES, Stack, need_docker
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waiting import eventually

import mq
from mq.topic import segment_of

pytestmark = [pytest.mark.timeout(1_500), pytest.mark.browser]

NODE = segment_of(os.uname().nodename)
USER = 10001
STOP_S_MAX = 10.0
BACK_S_MAX = 90.0
PATIENCE_MS = 60_000
HEARD_S_MAX = 30.0
RESIDENT_BYTES_MAX = 25_000_000
ASK_IN_ANY = """
import os
def refuses(place):
    try: open(place + "/probe", "w").close()
    except OSError: return True
own = dict(line.split(":\\t", 1) for line in open("/proc/1/status").read().splitlines())
print(own["Uid"].split()[0], own["Gid"].split()[0], int(own["CapBnd"], 16), own["NoNewPrivs"],
    all(map(refuses, ["/", "/app", "/usr", "/host/root/tmp"])), refuses("/tmp"))
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Return the whole of it, built and healthy; nothing of it stays."""
    need_docker(pytest.fail)
    stack = Stack(f"minimq-test-{os.getpid()}")
    try:
        stack.build()
        stack.up()
        yield stack
    finally:
        stack.down("--volumes", "--remove-orphans")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium, headless."""
    path = shutil.which("chromium")
    assert path is not None, "needs Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Return the page, opened."""
    expect.set_options(timeout=PATIENCE_MS)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(stack.page)
    yield page
    page.close()


def samples(stack: Stack, metric: str, since_ns: int = 0) -> list[dict[str, Any]]:
    """Return what the broker has of a metric of this machine, read since then."""
    found = [msgpack.unpackb(message.body) for message in mq.replay(stack.control, f"host/{NODE}/{metric}")]
    return [each for each in found if each["time"] >= since_ns]


def heard(stack: Stack, metric: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait for so many samples from now on, and return them."""
    now = time.time_ns()
    eventually(lambda: len(samples(stack, metric, now)) >= count, HEARD_S_MAX)
    return samples(stack, metric, now)


def received_by_name(table: str) -> dict[str, int]:
    """Return how many bytes each interface has received, from a /proc/net/dev."""
    rows = [line.partition(":") for line in table.splitlines() if ":" in line]
    return {name.strip(): int(counters.split()[0]) for name, _, counters in rows}


def test_all_run_and_none_was_started_twice(stack: Stack) -> None:
    states = {service: stack.state(service) for service in SERVICES}
    assert {service: state["State"]["Status"] for service, state in states.items()} == dict.fromkeys(
        SERVICES, "running"
    )
    assert [states[service]["State"]["Health"]["Status"] for service in SERVICES[:3]] == ["healthy"] * 3
    assert {service: state["RestartCount"] for service, state in states.items()} == dict.fromkeys(SERVICES, 0)


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_is_root_and_only_tmp_can_be_written_to(stack: Stack, service: str) -> None:
    said = stack.inside(service, "python", "-c", ASK_IN_ANY).split()
    assert said == [str(USER), str(USER), "0", "1", "True", "None"]


def test_ports_are_published_to_this_machine_only(stack: Stack) -> None:
    bindings = [
        binding
        for service in ("broker", "gateway", "viewer")
        for bindings in stack.state(service)["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    ]
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}
    assert {int(binding["HostPort"]) for binding in bindings} == set(stack.ports.values())


@pytest.mark.parametrize("metric", METRICS)
def test_a_collector_is_small(stack: Stack, metric: str) -> None:
    """In the image too, which must bring the byte code of all that it loads."""
    heard(stack, metric)
    status = stack.inside(f"collector-{metric}", "sh", "-c", "cat /proc/[0-9]*/status")
    assert max(int(size) for size in re.findall(r"VmRSS:\s+(\d+) kB", status)) * 1024 < RESIDENT_BYTES_MAX


def test_a_collector_has_nothing_of_the_viewer_loaded(stack: Stack) -> None:
    maps = stack.inside("collector-cpu", "sh", "-c", "cat /proc/[0-9]*/maps")
    assert "/app/venv/" in maps
    assert not [name for name in ("numpy", "pandas", "tornado") if name in maps]


def test_cpu_is_the_hosts(stack: Stack) -> None:
    """The average over the same seconds, and the number of cores."""
    begun = time.time_ns()
    psutil.cpu_percent()
    eventually(lambda: len(samples(stack, "cpu", begun)) >= 8, HEARD_S_MAX)
    measured = psutil.cpu_percent()
    found = samples(stack, "cpu", begun)[1:]
    assert sum(each["value"] for each in found) / len(found) == pytest.approx(measured, abs=15)
    assert len(found[-1]["per_core"]) == psutil.cpu_count()


def test_memory_is_the_hosts_and_not_what_the_container_may_have(stack: Stack) -> None:
    last = heard(stack, "mem")[-1]
    assert last["total"] == psutil.virtual_memory().total
    assert last["value"] == pytest.approx(psutil.virtual_memory().percent, abs=5)


def test_disks_are_the_hosts(stack: Stack) -> None:
    last = heard(stack, "disk")[-1]
    assert last["value"] == pytest.approx(psutil.disk_usage("/").percent, abs=2)
    (root,) = [each for each in last["mounts"] if each["mount"] == "/"]
    assert root["total"] == psutil.disk_usage("/").total
    assert not [each for each in last["mounts"] if each["mount"].startswith("/host")]


def test_the_network_is_the_hosts(stack: Stack) -> None:
    """A container's own eth0 would have the host's name for it, but not its counters."""
    last = heard(stack, "net")[-1]
    names = psutil.net_io_counters(pernic=True).keys()
    assert {each["name"] for each in last["interfaces"]} <= names
    before = received_by_name(Path("/proc/net/dev").read_text())
    seen = received_by_name(stack.inside("collector-net", "cat", "/host/proc/1/net/dev"))
    after = received_by_name(Path("/proc/net/dev").read_text())
    assert seen.keys() >= {each["name"] for each in last["interfaces"]}
    assert all(before[name] <= seen[name] <= after[name] for name in before.keys() & seen.keys() & after.keys())


def test_a_program_of_the_host_hears_and_is_heard(stack: Stack) -> None:
    """All of the broker's ports are reached, the ones too that it tells."""
    with mq.Subscriber(stack.control, "noted/here") as subscriber:
        eventually(lambda: (subscriber.receive(timeout=0.1), subscriber.connected)[1], HEARD_S_MAX)
        with mq.Push(f"tcp://127.0.0.1:{stack.ports['INGEST']}") as push:
            push.send("noted/here", b"one")
            message = subscriber.receive(timeout=HEARD_S_MAX)
    assert message is not None
    assert message.body == b"one"
    assert "noted/here" in stack.inside("broker", "minimq", "topics")


def test_the_page_shows_this_host_and_survives_the_brokers_death(stack: Stack, page: Page) -> None:
    card = page.locator(".card", has=page.get_by_role("heading", name=NODE, exact=True))
    expect(card.locator("header")).to_contain_text("Live")
    for metric in METRICS:
        expect(card.locator(f"[data-metric={metric}] [data-field=value]")).to_have_text(re.compile(r"^\d"))
    page.evaluate("() => { globalThis.sameFromHere = true }")
    kept = samples(stack, "cpu")
    stack.kill("broker")
    eventually(lambda: stack.state("broker")["RestartCount"] == 1, BACK_S_MAX)
    eventually(lambda: stack.state("broker")["State"]["Health"]["Status"] == "healthy", BACK_S_MAX)
    for metric in METRICS:
        heard(stack, metric)
    assert samples(stack, "cpu")[: len(kept)] == kept
    expect(card.locator("header")).to_contain_text("Live")
    cpu = card.locator("[data-metric=cpu] [data-field=value]")
    eventually(lambda: cpu.inner_text() in {f"{each['value']:.1f}" for each in samples(stack, "cpu")[-2:]})
    assert page.evaluate("() => sameFromHere")


def test_a_stop_is_quick_and_clean_and_the_journal_outlives_the_containers(stack: Stack) -> None:
    with mq.Producer(stack.control) as producer:
        producer.send("notes", b"before").result(timeout=HEARD_S_MAX)
    kept = samples(stack, "cpu")
    begun = time.monotonic()
    stack.compose("stop")
    assert time.monotonic() - begun < STOP_S_MAX
    codes = {service: stack.state(service)["State"]["ExitCode"] for service in SERVICES}
    assert codes == dict.fromkeys(SERVICES, 0)
    stack.down()
    stack.up()
    assert [message.body for message in mq.replay(stack.control, "notes")] == [b"before"]
    assert samples(stack, "cpu")[: len(kept)] == kept
    assert stack.inside("broker", "minimq", "verify", "data").strip()


def test_one_more_name_for_the_page_reaches_the_viewer() -> None:
    need_docker(pytest.fail)
    given = json.loads(Stack("minimq-test", MINIMQ_ORIGIN="metrics.example").compose("config", "--format", "json"))
    assert given["services"]["viewer"]["command"][-2:] == ["--origin", "metrics.example"]
    without = json.loads(Stack("minimq-test").compose("config", "--format", "json"))
    assert "--origin" not in without["services"]["viewer"]["command"]
