"""The terminal: drawn on, listened to, and left as it was, whatever ends the program.

No signal's handler does anything but take note, so nothing ends in the middle of a drawing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any

import zmq
from rich.console import Console, RenderableType
from rich.live import Live

from mq.client.link import Link

KEYS_BYTES_MAX = 64
ESCAPE = 0x1B
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNAL_CODE = 128
_INPUT, _LOCAL, _CHARACTERS = 0, 3, 6


class Screen:
    """While it is entered, the terminal is ours. `draw` returns what is to be seen, `press` is told each key."""

    def __init__(
        self, console: Console, draw: Callable[[], RenderableType], press: Callable[[str], None], every_s: float
    ) -> None:
        self._console = console
        self._draw = draw
        self._press = press
        self._every_s = every_s
        self._drawn_at = float("-inf")
        self._ending: int | None = None
        self._keyboard: int | None = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> Screen:
        with ExitStack() as undo:
            self._listen(undo)
            if self._keyboard is not None:
                undo.callback(_set_mode, self._keyboard, termios.tcgetattr(self._keyboard))
                _take_each_key(self._keyboard)
            undo.enter_context(self._live)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def changed(self) -> None:
        """Draw anew as soon as there is time."""
        self._drawn_at = float("-inf")

    def wait(self, socket: zmq.Socket[bytes] | None, seconds: float) -> bool:
        """Wait for so long, or until the socket has something, and return whether it has; draw and listen meanwhile.

        Raises `KeyboardInterrupt` and `SystemExit` when a signal is to end the program.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._end_if_told()
            self._draw_if_due()
            now = time.monotonic()
            left = min(deadline, self._drawn_at + self._every_s) - now
            events = dict(self._poller(socket).poll(max(0, int(left * 1000) + 1) if now < deadline else 0))
            if self._woken in events:
                os.read(self._woken, KEYS_BYTES_MAX)
            if self._keyboard in events:
                self._take_keys()
            if socket in events:
                return True
            if time.monotonic() >= deadline and not events:
                return False

    def _listen(self, undo: ExitStack) -> None:
        """Let signals wake us and be noted, until it is undone."""
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        undo.callback(os.close, self._woken)
        undo.callback(os.close, wake)
        undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(wake, warn_on_full_buffer=False))
        for number in (*ENDING, signal.SIGWINCH, signal.SIGCONT):
            undo.callback(signal.signal, number, signal.signal(number, self._note))

    def _note(self, number: int, _: FrameType | None) -> None:
        if number in ENDING:
            if self._ending is not None:  # asked for twice: a terminal that takes nothing holds us up
                raise SystemExit(SIGNAL_CODE + number)
            self._ending = number
        self.changed()

    def _end_if_told(self) -> None:
        if self._ending == signal.SIGINT:
            raise KeyboardInterrupt
        if self._ending is not None:
            raise SystemExit(SIGNAL_CODE + self._ending)

    def _draw_if_due(self) -> None:
        if time.monotonic() - self._drawn_at >= self._every_s:
            self._live.update(self._draw(), refresh=True)
            self._drawn_at = time.monotonic()

    def _poller(self, socket: zmq.Socket[bytes] | None) -> zmq.Poller:
        poller = zmq.Poller()
        for each in (self._woken, self._keyboard, socket):
            if each is not None:
                poller.register(each, zmq.POLLIN)
        return poller

    def _take_keys(self) -> None:
        """Hand on what was typed. A run that begins with Escape is a key that means nothing here, as an arrow."""
        assert self._keyboard is not None  # noqa: S101 - for the type checker: it has just been heard
        try:
            typed = os.read(self._keyboard, KEYS_BYTES_MAX)
        except OSError:
            typed = b""
        if not typed:
            self._keyboard = None  # it was hung up
        elif typed[0] != ESCAPE:
            for key in typed.decode("utf-8", "ignore"):
                self._press(key)
            self.changed()


class WatchedLink(Link):
    """A connection to control that lets a screen live while an answer is waited for."""

    def __init__(self, broker: str, timeout_s: float, screen: Screen) -> None:
        super().__init__(broker, timeout_s)
        self._screen = screen

    def _wait(self, ms: int) -> bool:
        return self._screen.wait(self._socket, ms / 1000)


def _take_each_key(keyboard: int) -> None:
    """Have keys at once and unseen. Ctrl-C stays a signal; Ctrl-S and Ctrl-Z would leave a screen that is not true."""
    mode = termios.tcgetattr(keyboard)
    mode[_LOCAL] &= ~(termios.ICANON | termios.ECHO)
    mode[_INPUT] &= ~termios.IXON
    mode[_CHARACTERS][termios.VSUSP] = b"\0"
    _set_mode(keyboard, mode)


def _set_mode(keyboard: int, mode: list[Any]) -> None:
    with contextlib.suppress(termios.error):  # it was hung up
        termios.tcsetattr(keyboard, termios.TCSADRAIN, mode)
