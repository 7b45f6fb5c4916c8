"""What the page says, and that a session leaves nothing behind."""

from __future__ import annotations

import gc
import re
import weakref
from pathlib import Path
from typing import Any

import pytest
from bokeh.application import Application
from bokeh.application.handlers import DirectoryHandler
from bokeh.core.types import ID
from bokeh.server.contexts import ApplicationContext
from tornado.ioloop import IOLoop

import viewer
from viewer.feed import Feed, Snapshot
from viewer.pages import Page, Status, describe
from viewer.samples import SECOND_NS, Sample
from viewer.shared import Shared

NOW = 1_800_000_000 * SECOND_NS
FOLDER = Path(viewer.__file__).parent
FRESH = (Sample(NOW - SECOND_NS, 12.345, cores=1, load=(0.5, 0.25, 0.125)),)
OLD = (Sample(NOW - 7 * SECOND_NS, 12.345),)
HOUR_OLD = (Sample(NOW - 3600 * SECOND_NS, 12.345),)


def said(snapshot: Snapshot) -> dict[str, Any]:
    return describe(snapshot, "host/n/cpu", "tcp://b:5557", NOW)


def sleeping_feed(snapshot: Snapshot) -> Feed:
    """Return a feed that is not running, and knows this."""
    feed = Feed("n", "tcp://b:5557", lambda: pytest.fail("nobody may subscribe here"))
    feed.snapshot = snapshot
    return feed


@pytest.mark.parametrize(
    ("snapshot", "state", "sentence"),
    [
        (Snapshot(), "away", "No broker answers at tcp://b:5557; trying again. Start one with: minimq up"),
        (Snapshot(samples=FRESH), "away", "No broker answers at tcp://b:5557"),
        (Snapshot(connected=True), "waiting", "Nothing on host/n/cpu yet"),
        (Snapshot(connected=True, samples=FRESH), "live", ""),
        (Snapshot(connected=True, samples=OLD), "silent", "since"),
        (Snapshot(connected=True, samples=HOUR_OLD), "silent", "since"),
        (Snapshot(fault="no grant"), "away", "no grant"),
    ],
)
def test_the_state_is_said_in_a_sentence(snapshot: Snapshot, state: str, sentence: str) -> None:
    """One for each thing that can be."""
    words = said(snapshot)
    assert words["state"] == state
    assert sentence in words["message"]


def test_silence_is_dated_by_the_last_sample() -> None:
    """The browser tells it in its own zone; a state that is not silent has no date."""
    assert said(Snapshot(connected=True, samples=OLD))["message_time"] == (NOW - 7 * SECOND_NS) / 1e6
    assert said(Snapshot(connected=True, samples=FRESH))["message_time"] is None


def test_value_and_detail_are_words() -> None:
    """One decimal, as many as one core, three loads; and a dash before anything is known."""
    words = said(Snapshot(connected=True, samples=FRESH))
    assert (words["value"], words["detail"]) == ("12.3", "1 core · load 0.50 0.25 0.12")
    assert said(Snapshot())["value"] == "—"


def test_what_was_skipped_is_said_by_kind() -> None:
    """Counts, and the gaps beside them."""
    notes = said(Snapshot(skipped={"not msgpack": 2, "impossible time": 1}, gaps=1))["notes"]
    assert notes == "3 records skipped (impossible time 1, not msgpack 2) · 1 gap in the journal"


def test_every_field_of_the_page_is_one_of_the_status() -> None:
    """A slip in the template would stay empty for ever."""
    fields = set(re.findall(r'data-field="(\w+)"', (FOLDER / "templates/index.html").read_text()))
    assert fields <= set(Status.properties())
    assert set(said(Snapshot())) <= set(Status.properties())


def test_a_page_draws_when_there_is_something_new_or_a_second_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four looks a second cost nothing while nothing happens."""
    now = NOW
    feed = sleeping_feed(Snapshot(connected=True, version=1, samples=FRESH))
    page = Page(feed, clock=lambda: now)
    drawn: list[int] = []
    monkeypatch.setattr(page.plot, "update", lambda _samples, when: drawn.append(when))
    page.update()
    page.update()
    feed.snapshot = Snapshot(connected=True, version=2, samples=FRESH)
    page.update()
    now += SECOND_NS
    page.update()
    assert drawn == [NOW, NOW, NOW + SECOND_NS]


def test_a_session_that_ends_leaves_no_callback_and_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder served as Bokeh serves it. A callback that still ran would hold the page, and the page its status."""
    monkeypatch.setattr("viewer.shared.THE_FEED", Shared(lambda: sleeping_feed(Snapshot())))
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
