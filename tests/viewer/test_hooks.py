"""What the viewer's server does at its beginning and its end."""

from __future__ import annotations

import logging

import pytest

from viewer import app_hooks
from viewer.feed import Feed
from viewer.shared import Shared


def test_it_follows_the_broker_from_its_beginning_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first page then opens full."""
    begun: list[str] = []

    def start() -> Feed:
        begun.append("feed")
        feed = Feed("tcp://b:1", lambda: pytest.fail("nobody may subscribe here"), lambda: ())
        monkeypatch.setattr(feed, "close", lambda: begun.append("closed"))
        return feed

    monkeypatch.setattr(app_hooks, "THE_FEED", Shared(start))
    app_hooks.on_server_loaded(None)
    app_hooks.on_server_unloaded(None)
    assert begun == ["feed", "closed"]


@pytest.mark.parametrize(
    ("line", "news"),
    [("Failed sending message as connection was closed", False), ("Refusing websocket connection from Origin", True)],
)
def test_a_page_that_was_closed_is_no_news(line: str, news: bool) -> None:
    """It would be a line for each thing that it was about to be told."""
    assert app_hooks.is_news(logging.LogRecord("n", logging.WARNING, "f", 1, line, (), None)) is news
