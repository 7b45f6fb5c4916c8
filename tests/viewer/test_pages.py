"""What the page says of the whole, what it draws, and that a session leaves nothing behind."""

from __future__ import annotations

import gc
import re
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bokeh.application import Application
from bokeh.application.handlers import DirectoryHandler
from bokeh.core.types import ID
from bokeh.server.contexts import ApplicationContext
from node_kit import NOW, body
from tornado.ioloop import IOLoop

import viewer
from viewer.feed import Feed, Health
from viewer.fleet import Fleet
from viewer.nodes import State
from viewer.pages import CARDS_MAX, Page, Status, Wish, describe
from viewer.plots import MetricPlot
from viewer.samples import SECOND_NS
from viewer.shared import Shared
from viewer.words import card

FOLDER = Path(viewer.__file__).parent
LIVE = Health(connected=True, states=Counter({State.LIVE: 2, State.DOWN: 1}))


def feed_of(*names: str, health: Health = LIVE, clock: Callable[[], int] = lambda: NOW) -> Feed:
    """Return a feed that is not running, and knows these nodes."""
    feed = Feed("tcp://b:5557", lambda: pytest.fail("nobody may subscribe here"), lambda: (), clock)
    feed.health = health
    with feed.looking() as fleet:
        for name in names:
            fleet.take(f"host/{name}/cpu", body(), NOW)
    return feed


def page_of(feed: Feed, **arguments: bytes) -> Page:
    page = Page(feed, Wish({name: [it] for name, it in arguments.items()}))
    page.update()
    return page


def said(page: Page, field: str) -> Any:
    return getattr(page.status, field)


def shown(page: Page) -> list[str]:
    return [each["name"] for each in said(page, "cards")]


@pytest.mark.parametrize(
    ("health", "nodes", "state", "sentence"),
    [
        (Health(), "", "away", "No broker answers at tcp://b:5557; trying again. Start one with: minimq up"),
        (Health(), "a", "away", "No broker answers at tcp://b:5557"),
        (Health(connected=True), "", "waiting", "No node reports yet. Start a collector with: minimq collect"),
        (LIVE, "abc", "down", ""),
        (Health(connected=True, states=Counter({State.LIVE: 1})), "a", "live", ""),
        (Health(fault="no grant"), "a", "away", "The samples cannot be read: no grant"),
    ],
)
def test_the_state_is_said_in_a_sentence(health: Health, nodes: str, state: str, sentence: str) -> None:
    """One for each thing that can be."""
    page = page_of(feed_of(*nodes, health=health))
    assert said(page, "state") == state
    assert sentence in said(page, "message")


def test_the_nodes_are_counted_by_state() -> None:
    """Those that there are."""
    assert said(page_of(feed_of("a")), "label") == "2 live · 1 down"


def test_what_was_skipped_is_said_by_kind_with_the_gaps_and_the_nodes_beyond() -> None:
    """In whole sentences."""
    fleet = Fleet(limit=1)
    fleet.skipped.update({"not msgpack": 2, "impossible time": 1})
    for name in "abc":
        fleet.take(f"host/{name}/cpu", body(), NOW)
    fleet.tidy(NOW)
    words = describe(Health(connected=True, gaps=1), fleet, fleet.part("", 1, 9), "b", NOW)
    assert words["notes"] == (
        "3 records skipped (impossible time 1, not msgpack 2). 1 gap in the journal. "
        "2 more report than the 1 nodes that can be shown."
    )


def test_while_the_broker_is_away_nodes_are_as_they_were() -> None:
    """Its absence is not theirs; but time goes on."""
    feed = feed_of("a", health=replace(LIVE, frozen=NOW), clock=lambda: NOW + 90 * SECOND_NS)
    page = page_of(feed)
    assert [each["label"] for each in said(page, "cards")] == ["Live"]
    assert said(page, "now") == (NOW + 90 * SECOND_NS) / 1e6
    feed.health = LIVE
    page.update()
    assert [each["label"] for each in said(page, "cards")] == ["Down"]


def test_what_the_broker_does_not_store_is_said_for_a_minute() -> None:
    """A full disk, say: the picture stays on, and the page says that it is all there is."""
    now = NOW
    feed = feed_of("a", health=replace(LIVE, unstored=3, unstored_at=NOW), clock=lambda: now)
    page = page_of(feed)
    assert "does not store what comes" in said(page, "notes")
    assert "3 records are here only." in said(page, "notes")
    now += 61 * SECOND_NS
    page.update()
    assert said(page, "notes") == ""


def test_a_page_shows_some_of_the_nodes_and_the_address_says_which() -> None:
    """By a piece of the name, and by number."""
    feed = feed_of(*(f"web-{number}" for number in range(20)), "db")
    assert len(shown(page_of(feed))) == CARDS_MAX
    second = page_of(feed, page=b"2")
    assert (len(shown(second)), said(second, "pages"), said(second, "found")) == (21 - CARDS_MAX, 2, 21)
    assert shown(page_of(feed, find=b"DB")) == ["db"]
    nothing = page_of(feed, find=b"x")
    assert (shown(nothing), said(nothing, "message")) == ([], "No node has this in its name.")


@pytest.mark.parametrize("text", [b"-1", b"", b"two", b"\xff", "²".encode(), b"9" * 5000])
def test_an_address_that_makes_no_sense_is_the_first_or_the_last_page(text: bytes) -> None:
    """Anybody may type anything there."""
    assert said(page_of(feed_of("a"), page=text, find=b""), "page") == 1


def test_every_field_of_the_page_is_one_that_is_said() -> None:
    """A slip in the template would stay empty for ever."""
    fields = set(re.findall(r'data-field="(\w+)"', (FOLDER / "templates/index.html").read_text()))
    with feed_of("a").looking() as fleet:
        (node,) = fleet.part("", 1, 1).nodes
    words = card(node, NOW)
    assert fields <= {*Status.properties(), *words, *words["metrics"]["cpu"]}


def test_a_plot_is_made_when_a_node_stands_in_its_place() -> None:
    """And only for the metrics that it reports."""
    feed = feed_of("b")
    page = page_of(feed)
    assert {root.name for root in page.roots if getattr(root, "children", [])} == {"card0_cpu"}
    with feed.looking() as fleet:
        fleet.take("host/b/net", body(), NOW)
        fleet.take("host/c/cpu", body(), NOW)
    page.update()
    assert {root.name for root in page.roots if getattr(root, "children", [])} == {
        "card0_cpu",
        "card0_net",
        "card1_cpu",
    }


def test_when_another_node_takes_the_place_its_plots_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first one drew is not left standing there, nor is a metric that the other does not have."""
    drawn: dict[str, int] = {}

    def note(plot: MetricPlot, points: Any, now: int) -> None:
        drawn[str(plot.source.name)] = len(points.times)

    monkeypatch.setattr(MetricPlot, "update", note)
    feed = feed_of("b")
    with feed.looking() as fleet:
        fleet.take("host/b/net", body(), NOW)
    page = page_of(feed)
    with feed.looking() as fleet:
        for second in range(3):
            fleet.take("host/a/cpu", body(second), NOW)
    page.update()
    assert drawn == {"card0_cpu_points": 3, "card0_net_points": 0, "card1_cpu_points": 1, "card1_net_points": 1}


def test_a_page_draws_when_there_is_something_new_or_a_second_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four looks a second cost nothing while nothing happens."""
    now, drawn, said = NOW, list[int](), list[set[str]]()
    feed = feed_of("a", clock=lambda: now)
    page = Page(feed, Wish({}))
    monkeypatch.setattr(MetricPlot, "update", lambda _plot, _points, when: drawn.append(when))
    monkeypatch.setattr(type(page.status), "update", lambda _status, **fields: said.append(set(fields)))
    page.update()
    page.update()
    with feed.looking() as fleet:
        fleet.take("host/a/cpu", body(1), NOW)
    page.update()
    now += SECOND_NS
    page.update()
    assert drawn == [NOW, NOW, NOW + SECOND_NS]


def test_only_fields_that_changed_are_sent() -> None:
    """A page that nothing happens to hears the time, so that it knows that it is not forgotten."""
    now = NOW
    page = Page(feed_of("a", clock=lambda: now), Wish({}))
    page.update()
    changed: list[str] = []
    for name in Status.properties():
        page.status.on_change(name, lambda field, _old, _new: changed.append(field))
    page.update()
    assert changed == []
    now += SECOND_NS
    page.update()
    assert changed == ["now"]


def test_a_session_that_ends_leaves_no_callback_and_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder served as Bokeh serves it. A callback that still ran would hold the page, and the page its status."""
    monkeypatch.setattr("viewer.shared.THE_FEED", Shared(lambda: feed_of("a")))
    loop = IOLoop(make_current=False)
    context = ApplicationContext(Application(DirectoryHandler(filename=FOLDER)), io_loop=loop)

    async def live_and_die() -> weakref.ref[Any]:
        session = await context.create_session_if_needed(ID("one"))
        document = session.document
        assert len(document.session_callbacks) == 1
        assert document.title == "MiniMQ"
        status = weakref.ref(document.get_model_by_name("status"))
        assert status() is not None
        session.request_expiration()
        await context._cleanup_sessions(unused_session_linger_milliseconds=0)
        return status

    status = loop.run_sync(live_and_die)
    assert list(context.sessions) == []
    loop.close(all_fds=True)
    gc.collect()
    assert status() is None
