"""Looking and drawing until somebody has seen enough."""

from __future__ import annotations

import time
from contextlib import suppress

from rich.console import Console, RenderableType

from mq.cli.top.drawing import draw
from mq.cli.top.looks import Looks
from mq.cli.top.picture import Picture
from mq.cli.top.screen import Screen, WatchedLink
from mq.cli.top.view import View, pressed
from mq.client.link import Link
from mq.errors import Unreachable

ANSWER_S_MAX = 3.0
DRAWN_EVERY_S = 1.0


class Over(Exception):
    """Somebody has seen enough: no error, but how the innermost wait tells the outermost loop."""


class Watching:
    """What is drawn is a picture in a view; keys change the view, and the broker's answers the picture."""

    def __init__(self, console: Console, picture: Picture, interval_s: float) -> None:
        self._console = console
        self._picture = picture
        self._interval_s = interval_s
        self._view = View()

    def run(self) -> None:
        """Watch. Each absence of the broker ends a connection, and the next one has nothing old to send."""
        with suppress(Over), Screen(self._console, self._draw, self._press, DRAWN_EVERY_S) as screen:
            while True:
                with suppress(Unreachable), WatchedLink(self._picture.broker, ANSWER_S_MAX, screen) as link:
                    self._look(link, screen)

    def _look(self, link: Link, screen: Screen) -> None:
        looks = Looks(link, self._picture, self._interval_s, lambda: self._view.topics)
        while True:
            seconds = DRAWN_EVERY_S if self._view.paused else looks.step()
            if seconds:
                screen.changed()
            screen.wait(None, seconds)

    def _draw(self) -> RenderableType:
        width, lines = self._console.size
        return draw(self._picture, self._view, width, lines, time.monotonic())

    def _press(self, key: str) -> None:
        self._view = pressed(self._view, key)
        if self._view.over:
            raise Over
