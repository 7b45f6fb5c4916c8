"""The page as somebody sees it: a real broker, the real viewer, a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from records import SECOND_NS, journal, minutes_past, publish, sample
from served import CHROMIUM_ARGS, NODE, ROOT, Viewer

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
POINTS = """() => {
  const source = globalThis.Bokeh?.documents[0]?.get_model_by_name("cpu")
  if (!source) return []
  return Array.from(source.data.time, (time, at) => [time, source.data.value[at]]).filter((it) => !isNaN(it[1]))
}"""


@pytest.fixture
def viewer_at() -> Iterator[Callable[..., Viewer]]:
    """Return what starts a viewer of the broker at an endpoint."""
    started: list[Viewer] = []

    def start(control: str, node: str = NODE) -> Viewer:
        started.append(Viewer(control, node))
        return started[-1]

    yield start
    for viewer in started:
        viewer.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium, headless."""
    path = shutil.which("chromium")
    assert path is not None, "needs Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a page that fails the test when its script fails, or when it asks anybody but its own server."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield page
    context.close()
    assert failed == []
    assert all(re.match(r"(http|ws)://localhost:\d+/|data:", url) for url in asked), asked


def wait_for_points(page: Page, points: list[list[float]]) -> None:
    """Wait until the plot holds exactly these."""
    page.wait_for_function(f"(points) => JSON.stringify(({POINTS})()) === JSON.stringify(points)", arg=points)


def test_the_last_minutes_are_there_and_what_comes_is_added(
    broker: Any, viewer_at: Callable[..., Viewer], page: Page
) -> None:
    """A page holds what a replay gives, point for point, before and after a collector has run."""
    publish(broker.control, minutes_past(600))
    page.goto(viewer_at(broker.control).url)
    wait_for_points(page, journal(broker.control))
    expect(page).to_have_title("MiniMQ")
    collector = subprocess.Popen(
        [sys.executable, "-m", "collectors", "cpu", "--broker", broker.control, "--node", NODE], cwd=ROOT
    )
    page.wait_for_function(f"() => ({POINTS})().length >= 603")
    expect(page.locator("body")).to_have_attribute("data-state", "live")
    collector.terminate()
    collector.wait(PATIENCE_MS / 1000)
    told = journal(broker.control)
    wait_for_points(page, told)
    expect(page.locator("[data-field=value]")).to_have_text(f"{told[-1][1]:.1f}")


def test_it_waits_for_a_broker_and_goes_on_when_one_comes_back(
    broker: Any, viewer_at: Callable[..., Viewer], page: Page
) -> None:
    """Opened without one, filled by the first, and whole after its death, all without a reload."""
    publish(broker.control, minutes_past(60))
    broker.kill()
    page.goto(viewer_at(broker.control).url)
    expect(page.get_by_role("status")).to_contain_text(f"No broker answers at {broker.control}; trying again")
    page.evaluate("() => { globalThis.sameFromHere = true }")
    broker.restart()
    wait_for_points(page, journal(broker.control))
    broker.kill()
    expect(page.get_by_role("status")).to_contain_text("No broker answers")
    broker.restart()
    publish(broker.control, [sample(time.time_ns(), 42.0)])
    wait_for_points(page, journal(broker.control))
    expect(page.locator("[data-field=label]")).to_have_text("Live")
    assert page.evaluate("() => sameFromHere")


def test_silence_is_said_and_dated(broker: Any, viewer_at: Callable[..., Viewer], page: Page) -> None:
    """In the browser's own time of day."""
    publish(broker.control, minutes_past(60)[:-20])
    page.goto(viewer_at(broker.control).url)
    expect(page.locator("[data-field=label]")).to_have_text("Silent")
    last = page.evaluate(f"() => new Date(({POINTS})().at(-1)[0]).toLocaleTimeString('en-GB')")
    expect(page.get_by_role("status")).to_contain_text(f"since {last}")


def test_bad_records_are_skipped_and_counted(broker: Any, viewer_at: Callable[..., Viewer], page: Page) -> None:
    """What is good beside them is drawn."""
    now = time.time_ns()
    good = [sample(now - 3 * SECOND_NS, 1.0), sample(now, 2.0)]
    bad = [b"\xc1", b"", sample(now, float("nan")), sample(0, 3.0), sample(now + 10**18, 3.0), sample(now, "<b>9</b>")]
    publish(broker.control, [good[0], *bad, good[1]])
    page.goto(viewer_at(broker.control).url)
    wait_for_points(page, [[(now - 3 * SECOND_NS) / 1e6, 1.0], [now / 1e6, 2.0]])
    expect(page.locator("[data-field=notes]")).to_have_text(
        "6 records skipped (impossible time 2, impossible value 2, not msgpack 2)"
    )


def test_three_pages_are_one_subscriber(
    broker: Any, viewer_at: Callable[..., Viewer], browser: Browser, page: Page
) -> None:
    """The viewer's process holds one connection to the live port, and still does when pages have gone."""
    viewer = viewer_at(broker.control)
    publish(broker.control, minutes_past(5))
    live = int(broker.live.rpartition(":")[2])
    context = browser.new_context()
    for each in (page, context.new_page(), context.new_page()):
        each.goto(viewer.url)
        wait_for_points(each, journal(broker.control))
    connections = psutil.Process(viewer.process.pid).net_connections(kind="tcp")
    assert len([each for each in connections if each.raddr and each.raddr.port == live]) == 1
    context.close()
    publish(broker.control, [sample(time.time_ns(), 42.0)])
    wait_for_points(page, journal(broker.control))


def test_a_page_comes_back_when_the_viewer_does(broker: Any, viewer_at: Callable[..., Viewer], page: Page) -> None:
    """It says that the viewer is away, and opens anew by itself."""
    publish(broker.control, minutes_past(5))
    viewer = viewer_at(broker.control)
    page.goto(viewer.url)
    wait_for_points(page, journal(broker.control))
    viewer.stop()
    expect(page.get_by_role("status")).to_contain_text("The viewer does not answer; trying again")
    viewer.start_again()
    wait_for_points(page, journal(broker.control))
    expect(page.get_by_role("status")).not_to_contain_text("viewer")


def test_a_name_is_text_and_a_phone_is_wide_enough(broker: Any, viewer_at: Callable[..., Viewer], page: Page) -> None:
    """A node called by a piece of HTML is shown as it is called, and told why that cannot be a topic."""
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(viewer_at(broker.control, node="<b>" + "long" * 20 + "</b>").url)
    expect(page.get_by_role("heading")).to_contain_text("<b>longlong")
    expect(page.get_by_role("status")).to_contain_text("is not a topic")
    assert page.locator("h1 b").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
