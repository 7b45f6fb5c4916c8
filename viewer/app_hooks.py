"""What the server calls at its beginning and its end (Bokeh looks for these names)."""

from __future__ import annotations

import logging
from typing import Any

from viewer.shared import THE_FEED


def on_server_loaded(server_context: Any) -> None:  # noqa: ARG001 - Bokeh's signature
    """Begin to gather, so that the first page opens full."""
    logging.getLogger("bokeh.server.views.ws").addFilter(is_news)
    THE_FEED.get()


def on_server_unloaded(server_context: Any) -> None:  # noqa: ARG001 - Bokeh's signature
    """Let go of the broker."""
    THE_FEED.close()


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line is worth logging: that a page was closed is not, and comes for each thing it was to be told."""
    return "connection was closed" not in record.getMessage()
