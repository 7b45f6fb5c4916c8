"""The page as somebody sees it: a real broker, the real viewer, a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import psutil
import pytest
from looking import POINTS, card, field, wait_for_many, wait_for_points
from playwright.sync_api import Browser, Page, WebSocketRoute, expect, sync_playwright
from records import METRICS, NODE, SECOND_NS, journal, minutes_past, publish, sample
from served import CHROMIUM_ARGS, ROOT, Viewer

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
ViewerAt = Callable[..., Viewer]


@pytest.fixture
def viewer_at() -> Iterator[ViewerAt]:
    """Return what starts a viewer of the broker at an endpoint."""
    started: list[Viewer] = []

    def start(control: str, **environ: str) -> Viewer:
        started.append(Viewer(control, **environ))
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


@contextmanager
def collector(control: str, node: str = NODE) -> Iterator[None]:
    """Run the collectors of all metrics, more often than usual."""
    command = [sys.executable, "-m", "collectors", "--broker", control, "--node", node, "--interval", "0.5"]
    process = subprocess.Popen(command, cwd=ROOT)
    yield
    process.terminate()
    process.wait(PATIENCE_MS / 1000)


def test_the_last_minutes_are_there_and_what_comes_is_added(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """Every plot holds what a replay gives, point for point, before and after the collectors have run."""
    publish(broker.control, minutes_past(600))
    page.goto(viewer_at(broker.control).url)
    wait_for_points(page, journal(broker.control))
    expect(page).to_have_title("MiniMQ")
    with collector(broker.control):
        for metric in METRICS:
            wait_for_many(page, 603 if metric == "cpu" else 3, metric)
        expect(field(card(page, NODE), "label")).to_have_text("Live")
        expect(page.locator("body")).to_have_attribute("data-state", "live")
    for metric in METRICS:
        told = journal(broker.control, metric=metric)
        wait_for_points(page, told, metric)
        if metric != "net":
            expect(field(page.locator(f"[data-metric={metric}]"), "value")).to_have_text(f"{told[-1][1]:.1f}")


def test_every_node_has_its_card_with_its_state_and_since_when(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """Live, stale, and one whose last word is older than what a plot shows; each dated in the browser's own zone."""
    now = time.time_ns()
    publish(broker.control, minutes_past(60)[:-20], "stale-1")
    publish(broker.control, [sample(now, 12.5)], "web-2")
    page.goto(viewer_at(broker.control).url)
    expect(page.locator("article:visible h2")).to_have_text(["stale-1", "web-2"])
    with collector(broker.control, "web-10"):
        expect(page.locator("article:visible h2")).to_have_text(["stale-1", "web-2", "web-10"])
        expect(field(card(page, "web-10"), "label")).to_have_text("Live")
        expect(field(card(page, "web-2"), "label")).to_have_text("Stale")
        expect(field(card(page, "web-2"), "since_word")).to_have_text("since")
        expect(field(card(page, "web-2"), "since")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d"))
        expect(field(page, "label")).to_have_text(re.compile("^1 live · 2 stale$"))


def test_it_waits_for_a_broker_and_goes_on_when_one_comes_back(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
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
    expect(field(page, "label")).to_have_text("1 live")
    assert page.evaluate("() => sameFromHere")


def test_a_broker_that_comes_and_goes_leaves_no_hole(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """What was read while it was away comes afterwards, with its own time; only what was on its way is lost."""
    page.goto(viewer_at(broker.control).url)
    with collector(broker.control):
        for kill in range(1, 6):
            wait_for_many(page, 6 * kill)
            broker.kill()
            expect(page.get_by_role("status")).to_contain_text("No broker answers")
            broker.restart()
        wait_for_many(page, 36)
    told = journal(broker.control)
    wait_for_points(page, told)
    steps_ms = [after[0] - before[0] for before, after in pairwise(told)]
    assert max(steps_ms) < 3_000
    assert len(told) * 500 > 0.8 * sum(steps_ms)


def test_bad_records_are_skipped_and_counted(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """What is good beside them is drawn: not a number, 1970, 2100, markup, no sample at all."""
    now = time.time_ns()
    good = [sample(now - 3 * SECOND_NS, 1.0), sample(now, 2.0)]
    bad = [b"\xc1", b"", sample(now, float("nan")), sample(0, 3.0), sample(4_102_444_800 * SECOND_NS, 3.0)]
    publish(broker.control, [good[0], *bad, sample(now, "<b>9</b>"), good[1]])
    page.goto(viewer_at(broker.control).url)
    wait_for_points(page, [[(now - 3 * SECOND_NS) / 1e6, 1.0], [now / 1e6, 2.0]])
    skipped = "6 records skipped (impossible time 2, impossible value 2, not msgpack 2)."
    expect(field(card(page, NODE), "notes")).to_have_text(skipped)
    expect(page.locator("footer [data-field=notes]")).to_have_text(skipped)


def test_a_clock_that_is_off_is_said_and_its_plot_is_whole(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """Ten minutes ahead: the plot ends there."""
    page.goto(viewer_at(broker.control).url)
    ahead = time.time_ns() + 600 * SECOND_NS
    publish(broker.control, [sample(ahead + step, 7.0) for step in range(5)])
    expect(field(card(page, NODE), "notes")).to_have_text(
        "Its clock is 10 min ahead of the broker's; the plots show its own time."
    )
    wait_for_points(page, journal(broker.control))


def test_two_collectors_under_one_name_are_said(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """As when a machine was cloned with its settings."""
    page.goto(viewer_at(broker.control).url)
    with collector(broker.control), collector(broker.control):
        expect(field(card(page, NODE), "notes")).to_have_text(
            re.compile(
                r"^Two collectors report under this name: \S+/\d+ and \S+/\d+\. Give each host its own NODE_NAME\."
            )
        )


def test_more_nodes_than_a_page_holds_are_found_by_name_and_number(
    broker: Any, viewer_at: ViewerAt, page: Page
) -> None:
    """Links and a form, in the page's own address."""
    for number in range(14):
        publish(broker.control, [sample(time.time_ns(), 1.0)], f"n{number}")
    page.goto(viewer_at(broker.control).url)
    expect(page.locator("article:visible")).to_have_count(12)
    expect(page.locator("nav")).to_contain_text("page 1 of 2, 14 nodes")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("article:visible h2")).to_have_text(["n12", "n13"])
    page.get_by_role("searchbox").fill("n13")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("article:visible h2")).to_have_text(["n13"])


def test_three_pages_are_one_subscriber(broker: Any, viewer_at: ViewerAt, browser: Browser, page: Page) -> None:
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


def test_a_page_comes_back_when_the_viewer_does(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """It says that the viewer is away, and opens anew by itself."""
    publish(broker.control, minutes_past(5))
    viewer = viewer_at(broker.control)
    page.goto(viewer.url)
    wait_for_points(page, journal(broker.control))
    viewer.stop()
    expect(page.get_by_role("status")).to_contain_text("The viewer does not answer; trying again")
    viewer.start_again()
    wait_for_points(page, journal(broker.control))
    expect(field(page, "message")).to_have_text("")


def test_a_page_that_has_slept_opens_anew(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """A phone's connection may be dead without a word: what counts is that nothing has been heard for long."""
    connections: list[WebSocketRoute] = []

    def relay(route: WebSocketRoute) -> None:
        connections.append(route)
        route.connect_to_server().on_message(lambda message: route.send(message) if route in connections else None)

    page.route_web_socket(re.compile("/ws$"), relay)
    publish(broker.control, minutes_past(5))
    page.goto(viewer_at(broker.control).url)
    wait_for_points(page, journal(broker.control))
    page.evaluate("() => { globalThis.sameFromHere = true }")
    connections.clear()
    page.wait_for_function("() => globalThis.sameFromHere === undefined")
    wait_for_points(page, journal(broker.control))
    expect(field(page, "message")).to_have_text("")


def test_a_viewer_that_hangs_is_said_though_the_connection_stands(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """Stopped, not ended; when it goes on, so does the page."""
    publish(broker.control, minutes_past(5))
    viewer = viewer_at(broker.control)
    page.goto(viewer.url)
    wait_for_points(page, journal(broker.control))
    process = psutil.Process(viewer.process.pid)
    process.suspend()
    expect(page.get_by_role("status")).to_contain_text("The viewer does not answer; trying again")
    process.resume()
    expect(field(page, "message")).to_have_text("")
    wait_for_points(page, journal(broker.control))


def test_words_are_text_and_a_phone_is_wide_enough(broker: Any, viewer_at: ViewerAt, page: Page) -> None:
    """Markup in whatever a collector may send stays what it is, however long."""
    page.set_viewport_size({"width": 360, "height": 700})
    name = "n" * 150
    mounts = [{"mount": "<b>" + "/long" * 30 + "</b>", "used": 1, "total": 2}]
    publish(broker.control, [sample(time.time_ns(), 1.0, mounts=mounts)], name, "disk")
    for step in range(4):
        publish(broker.control, [sample(time.time_ns(), 1.0, collector=f"<i>{step % 2}</i>")], name)
    page.goto(viewer_at(broker.control).url)
    expect(field(page.locator("[data-metric=disk]").first, "detail")).to_contain_text("<b>/long/long")
    expect(field(card(page, name), "notes")).to_contain_text("<i>0</i> and <i>1</i>")
    assert page.locator("main b, main i").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_under_a_strangers_name_that_leads_here_nothing_is_told(
    broker: Any, viewer_at: ViewerAt, browser: Browser
) -> None:
    """A page of somebody else's must not read this one by letting its own name lead to this machine."""
    publish(broker.control, [sample(time.time_ns(), 1.0)])
    viewer = viewer_at(broker.control, BOKEH_ALLOW_WS_ORIGIN="localhost:*")
    stranger = "--host-resolver-rules=MAP stranger.example 127.0.0.1"
    misled = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=[*CHROMIUM_ARGS, stranger])
    for host, cards in (("localhost", 1), ("stranger.example", 0)):
        page = misled.new_page()
        page.goto(viewer.url.replace("localhost", host))
        expect(page.locator("body")).not_to_have_attribute("data-state", "opening")
        expect(page.locator("article:visible")).to_have_count(cards)
    expect(page.get_by_role("status")).to_contain_text("not served under the name stranger.example:")
    misled.close()


def test_the_points_of_a_page_are_read_as_the_tests_read_them(page: Page) -> None:
    """Without a document there are none, rather than an error."""
    page.goto("data:text/html,")
    assert page.evaluate(f"() => ({POINTS})('cpu')") == []
