"""What the page says of a node, in words. Details come from bodies that anybody may have sent: what is odd is left out.

Words travel to the browser as fields, and are put into the page as text. Times are ms since the Unix epoch, for the
browser to tell in its own zone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from viewer.amounts import amount, duration
from viewer.nodes import Node, State, Track
from viewer.samples import METRICS, Sample, is_number

MS_NS = 1_000_000
NOTHING = "—"
BYTES_MAX = 1 << 69
LOAD_MAX = 1e6
PLACES_SHOWN = 3
NAME_CHARACTERS_MAX = 60
LABELS = {State.LIVE: "Live", State.STALE: "Stale", State.DOWN: "Down"}
PAST, TO_THE_END, FELL_SILENT = "past", "To the end", "Fell silent"

Words = dict[str, Any]


def card(node: Node, now: int, *, past: bool = False) -> Words:
    """Return everything that is said of a node; of one in a capsule not that it is live, nor that it is down."""
    state = node.state(now)
    live = state is State.LIVE
    since = node.since if live else node.heard
    return {
        "name": node.name,
        "state": PAST if past else state.value,
        "label": (TO_THE_END if live else FELL_SILENT) if past else LABELS[state],
        "since_word": ("since" if node.since_seen or not live else "since before") if since else "no good sample yet",
        "since": since / MS_NS if since else None,
        "notes": _notes(node, live=live),
        "metrics": {metric: _metric(metric, node.tracks.get(metric), now, live=live) for metric in METRICS},
    }


def _metric(metric: str, track: Track | None, now: int, *, live: bool) -> Words:
    """Return what is said of one metric; its silence is worth a word where the node itself is not silent."""
    if track is None or track.last is None:
        return {"value": NOTHING, "unit": "", "detail": "", "quiet": True, "silent_since": None}
    value, unit = amount(track.last.value, "/s") if metric == "net" else (f"{track.last.value:.1f}", "%")
    silent = track.silent(now)
    since = track.heard / MS_NS if silent and live else None
    return {"value": value, "unit": unit, "detail": _detail(metric, track.last), "quiet": silent, "silent_since": since}


def _detail(metric: str, sample: Sample) -> str:
    """Return what is said below the value, also that it is a container's and must not be taken for its host's."""
    words = DETAILS[metric](sample)
    return f"{words} (container)".lstrip() if sample.detail.get("scope") == "container" else words


def _notes(node: Node, *, live: bool) -> str:
    """Return what is odd about a node. Of one that is silent the last samples may just have been late."""
    return " ".join(filter(None, (_skew(node.skew if live else 0), _rivals(node.rivals), skipped(node.skipped))))


def _skew(skew: int) -> str:
    if not skew:
        return ""
    way = "ahead of" if skew > 0 else "behind"
    return f"Its clock is {duration(abs(skew))} {way} the broker's; the plots show its own time."


def _rivals(rivals: tuple[str, str] | None) -> str:
    if rivals is None:
        return ""
    both = " and ".join(map(_name, rivals))
    return f"Two collectors report under this name: {both}. Give each host its own NODE_NAME."


def skipped(kinds: Counter[str]) -> str:
    """Return how many records were no samples, and why."""
    total = kinds.total()
    why = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()) if count)
    return f"{total:,} record{'s' * (total != 1)} skipped ({why})." if total else ""


def _bytes(it: Any, per: str = "") -> str:
    return " ".join(amount(it, per)) if is_number(it) and 0 <= it <= BYTES_MAX else ""


def _of(part: Any, whole: Any) -> str:
    return f"{_bytes(part)} of {_bytes(whole)}" if _bytes(part) and _bytes(whole) else ""


def _name(text: str) -> str:
    """Return a name as it may stand among other words: short, and with nothing in it that turns them around."""
    return "".join(character for character in text[:NAME_CHARACTERS_MAX] if character.isprintable())


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def _cpu(sample: Sample) -> str:
    cores, load = sample.detail.get("per_core"), sample.detail.get("load")
    count = len(cores) if isinstance(cores, list) else 0
    numbers = [each for each in load[:3] if is_number(each) and 0 <= each <= LOAD_MAX] if isinstance(load, list) else []
    return _joined(
        f"{count} core{'s' * (count != 1)}" if count else "",
        "load " + " ".join(f"{each:.2f}" for each in numbers) if numbers else "",
    )


def _mem(sample: Sample) -> str:
    get = sample.detail.get
    cached, swap = _bytes(get("cached")), _of(get("swap_used"), get("swap_total"))
    return _joined(
        _of(get("used"), get("total")),
        f"cached {cached}" if cached else "",
        f"swap {swap}" if swap and get("swap_total") else "",
    )


def _disk(sample: Sample) -> str:
    get = sample.detail.get
    read, written = _bytes(get("read"), "/s"), _bytes(get("written"), "/s")
    return _joined(
        *_places(get("mounts"), "mount", lambda it: _of(it.get("used"), it.get("total"))),
        f"read {read}, written {written}" if read and written else "",
    )


def _net(sample: Sample) -> str:
    def both(it: Mapping[Any, Any]) -> str:
        received, sent = _bytes(it.get("received"), "/s"), _bytes(it.get("sent"), "/s")
        return f"↓ {received} ↑ {sent}" if received and sent else ""

    places = _places(sample.detail.get("interfaces"), "name", both)
    return _joined(*places) if len(places) == 1 else _joined(both(sample.detail), *places)


def _places(rows: Any, name: str, say: Callable[[Mapping[Any, Any]], str]) -> list[str]:
    """Return what is said of the first few mounts or interfaces, and how many more there are."""
    named = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    good = [row for row in named if isinstance(row.get(name), str)]
    said = [f"{_name(row[name])} {say(row)}".strip() for row in good[:PLACES_SHOWN]]
    return [*said, f"{len(good) - PLACES_SHOWN} more"] if len(good) > PLACES_SHOWN else said


DETAILS: dict[str, Callable[[Sample], str]] = {"cpu": _cpu, "mem": _mem, "disk": _disk, "net": _net}
