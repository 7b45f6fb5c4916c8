"""The page of one session: some nodes of the fleet, their plots, and the sentences beside them.

Sentences travel as the fields of one model. The page's script puts them into its elements as text, never as HTML, and
adds times of day, which only the browser can tell in its own zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bokeh.core.properties import Any as Anything
from bokeh.core.properties import Float, Int, List, String
from bokeh.document import Document
from bokeh.model import DataModel, Model
from bokeh.models import Column, CustomJS

from viewer.amounts import duration
from viewer.feed import Feed, Health
from viewer.fleet import Fleet, Part
from viewer.nodes import Node, State
from viewer.past import Past
from viewer.plots import MetricPlot
from viewer.samples import METRICS, SECOND_NS
from viewer.series import NO_POINTS, Points, Scope
from viewer.words import MS_NS, PAST, Words, card, skipped

CARDS_MAX = 12
FIND_CHARACTERS_MAX = 200
PAGE_DIGITS_MAX = 6
UNSTORED_NS = 60 * SECOND_NS


class Status(DataModel):
    """What the page says in words. `now` is the server's time in ms since the Unix epoch; `cards` as `words.card`.

    `first` and `last` are the range of a capsule, in ms.
    """

    now = Float()
    first = Float()
    last = Float()
    broker = String()
    state = String()
    label = String()
    message = String()
    notes = String()
    find = String()
    found = Int()
    page = Int()
    pages = Int()
    cards = List(Anything)


class Wish:
    """What the address of the page asks for: names that hold a text, and which page of them."""

    def __init__(self, arguments: Mapping[str, Sequence[bytes]]) -> None:
        self.find = _text(arguments, "find")[:FIND_CHARACTERS_MAX].strip()
        page = _text(arguments, "page")[:PAGE_DIGITS_MAX]
        self.page = int(page) if page.isascii() and page.isdigit() else 1


def _text(arguments: Mapping[str, Sequence[bytes]], name: str) -> str:
    return next((it.decode("utf-8", "replace") for it in arguments.get(name, ())), "")


class Slot:
    """One card's plots. They are made when a node first stands there, and drawn when there is something new."""

    def __init__(self, number: int, scope: Scope) -> None:
        self._number, self._scope = number, scope
        self._plots: dict[str, MetricPlot] = {}
        self._drawn: dict[str, tuple[object, ...]] = {}
        self.roots = {metric: Column(name=f"card{number}_{metric}", sizing_mode="stretch_width") for metric in METRICS}

    def look(self, node: Node, now: int) -> list[tuple[str, Points, int]]:
        """Copy what is to be drawn anew: a plot moves on once a second even when nothing comes."""
        due = []
        own = node.own(now)
        for metric in METRICS:
            track = node.tracks.get(metric)
            state = (node.name, track and track.series.version, own // SECOND_NS)
            if self._drawn.get(metric) != state and (track or metric in self._plots):
                self._drawn[metric] = state
                due.append((metric, node.points(metric, now) if track else NO_POINTS, own))
        return due

    def draw(self, due: list[tuple[str, Points, int]]) -> None:
        """Draw what was copied."""
        for metric, points, now in due:
            if metric not in self._plots:
                plot = self._plots[metric] = MetricPlot(metric, f"card{self._number}_{metric}_points", self._scope)
                plot.update(points, now)
                self.roots[metric].children = [plot.root]
            else:
                self._plots[metric].update(points, now)


class Page:
    """One session's view of the feed."""

    def __init__(self, feed: Feed, wish: Wish) -> None:
        self._feed, self._wish = feed, wish
        self._slots = [Slot(number, feed.scope) for number in range(CARDS_MAX)]
        self.status = Status(name="status", broker=feed.broker, find=wish.find)
        self.roots: tuple[Model, ...] = (self.status, *(root for slot in self._slots for root in slot.roots.values()))

    def attach(self, document: Document) -> None:
        """Hand the words to the page's script, which also deals with a lost connection in its own way."""
        document.config.update(reconnect_session=False, notify_connection_status=False, notifications=None)
        document.js_on_event("document_ready", CustomJS(args={"status": self.status}, code="minimq.attach(status)"))

    def update(self) -> None:
        """Say and draw what is new since the last time."""
        now, health, past = self._feed.now(), self._feed.health, self._feed.past
        with self._feed.looking() as fleet:
            part = fleet.part(self._wish.find.lower(), self._wish.page, CARDS_MAX)
            cards = [card(node, health.frozen or now, past=past is not None) for node in part.nodes]
            due = [slot.look(node, now) for slot, node in zip(self._slots, part.nodes, strict=False)]
            words = describe(health, fleet, part, self._feed.broker, now)
        if past is not None:
            words |= describe_past(past, health, fleet, part)
        self._say(words | {"cards": cards, "now": self._feed.server_time() // SECOND_NS * SECOND_NS / MS_NS})
        for slot, plots in zip(self._slots, due, strict=False):
            slot.draw(plots)

    def refuse(self, why: str) -> None:
        """Say this, and nothing of what is known."""
        self.status.update(state="away", label="Refused", message=why, broker="")

    def _say(self, words: Words) -> None:
        """Send the fields that have changed."""
        self.status.update(**{name: it for name, it in words.items() if getattr(self.status, name) != it})


def describe(health: Health, fleet: Fleet, part: Part, broker: str, now: int) -> Words:
    """Return what is to be said of the whole, as fields of `Status`."""
    state, label, message = _state(health, fleet, part, broker)
    return {
        "state": state,
        "label": label,
        "message": message,
        "notes": _notes(health, fleet, now),
        "found": part.found,
        "page": part.page,
        "pages": part.pages,
    }


def _state(health: Health, fleet: Fleet, part: Part, broker: str) -> tuple[str, str, str]:
    if health.fault:
        return "away", "Trouble", f"The samples cannot be read: {health.fault}"
    if not health.connected:
        return "away", "No broker", f"No broker answers at {broker}; trying again. Start one with: minimq up"
    if not len(fleet):
        return "waiting", "Waiting", "No node reports yet. Start a collector with: minimq collect"
    counts = [(health.states[state], state.value) for state in State]
    label = " · ".join(f"{count:,} {state}" for count, state in counts if count)
    worst = max((state for state in State if health.states[state]), key=list(State).index, default=State.LIVE)
    return worst.value, label, "" if part.found else "No node has this in its name."


def describe_past(past: Past, health: Health, fleet: Fleet, part: Part) -> Words:
    """Return what is said otherwise of a capsule, as fields of `Status`."""
    if health.fault:
        return {"label": "Unreadable"}
    gaps = f"{health.gaps} gap{'s' * (health.gaps != 1)} in the capsule." if health.gaps else ""
    return {
        "state": PAST if health.connected else "waiting",
        "label": "Capsule",
        "message": _past_message(past, health, fleet, part),
        "notes": " ".join(filter(None, (skipped(fleet.skipped), gaps))),
        "first": past.start / MS_NS,
        "last": past.stop / MS_NS,
    }


def _past_message(past: Past, health: Health, fleet: Fleet, part: Part) -> str:
    if not health.connected:
        return f"The capsule {past.name} is being read."
    if not len(fleet):
        return f"The capsule {past.name} holds no sample of a host: minimq capsule show lists what it holds."
    if not part.found:
        return "No node has this in its name."
    live = f"This is the capsule {past.name}: nothing here is live."
    thinned = f"Of what is too much to draw it shows the greatest value of each {duration(past.step_ns)}."
    return f"{live} {thinned}" if past.thinned else live


def _notes(health: Health, fleet: Fleet, now: int) -> str:
    unstored = f"The broker does not store what comes, its log says why: {health.unstored:,} records are here only."
    recent = health.unstored and now - health.unstored_at < UNSTORED_NS
    gaps = f"{health.gaps} gap{'s' * (health.gaps != 1)} in the journal." if health.gaps else ""
    more = f"{fleet.more:,} more report than the {len(fleet):,} nodes that can be shown." if fleet.more else ""
    return " ".join(filter(None, (unstored if recent else "", skipped(fleet.skipped), gaps, more)))
