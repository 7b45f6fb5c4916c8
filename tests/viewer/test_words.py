"""What the page says of a node."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_kit import NOW, report

from viewer.amounts import amount, duration
from viewer.nodes import Node
from viewer.samples import METRICS, SECOND_NS, Sample
from viewer.words import DETAILS, card

GIB = 1 << 30


def tidied(node: Node) -> Node:
    node.tidy(NOW)
    return node


def test_a_live_node_is_live_since_its_last_pause() -> None:
    """Times travel as milliseconds."""
    node = tidied(report(report(Node("n"), range(-300, -200)), range(-100, 1)))
    words = card(node, NOW)
    assert (words["name"], words["state"], words["label"]) == ("n", "live", "Live")
    assert (words["since_word"], words["since"]) == ("since", (NOW - 100 * SECOND_NS) / 1e6)


def test_a_beginning_that_was_not_seen_is_said_to_be_earlier() -> None:
    """The window's first sample proves nothing."""
    assert card(tidied(report(Node("n"), range(-100, 1))), NOW)["since_word"] == "since before"


@pytest.mark.parametrize(("silence", "label"), [(30, "Stale"), (3600, "Down")])
def test_a_silent_node_is_dated_by_its_last_sample(silence: int, label: str) -> None:
    """Once for all its metrics, whose values are no more those of now."""
    words = card(tidied(report(Node("n"), range(-100, 1))), NOW + silence * SECOND_NS)
    assert (words["label"], words["since_word"], words["since"]) == (label, "since", NOW / 1e6)
    assert (words["metrics"]["cpu"]["quiet"], words["metrics"]["cpu"]["silent_since"]) == (True, None)


def test_a_silent_metric_of_a_live_node_says_so_itself() -> None:
    """The others are as they were."""
    node = tidied(report(report(Node("n"), range(-100, 1)), range(-100, -49, 5), "disk"))
    metrics = card(node, NOW)["metrics"]
    assert (metrics["disk"]["quiet"], metrics["disk"]["silent_since"]) == (True, (NOW - 50 * SECOND_NS) / 1e6)
    assert (metrics["cpu"]["quiet"], metrics["cpu"]["silent_since"]) == (False, None)
    assert metrics["mem"]["value"] == "—"


def test_a_node_without_a_good_sample_says_why() -> None:
    """The kinds and how many of each."""
    node = Node("n")
    node.skipped.update({"impossible time": 2, "not msgpack": 1})
    words = card(tidied(node), NOW)
    assert (words["state"], words["since_word"], words["since"]) == ("down", "no good sample yet", None)
    assert words["notes"] == "3 records skipped (impossible time 2, not msgpack 1)."


@pytest.mark.parametrize(("lead", "words"), [(600, "10 min ahead of"), (-7, "7 s behind"), (3, "")])
def test_a_clock_that_is_off_is_said_while_the_node_lives(lead: int, words: str) -> None:
    """Of a silent one the last samples may just have been late."""
    node = tidied(report(Node("n"), range(-100, 1), lead=lead))
    assert card(node, NOW)["notes"] == (
        f"Its clock is {words} the broker's; the plots show its own time." if words else ""
    )
    assert card(node, NOW + 3600 * SECOND_NS)["notes"] == ""


def test_two_collectors_are_named() -> None:
    """With what to do about them."""
    node = Node("n")
    for second in range(4):
        report(node, range(second, second + 1), collector="ab"[second % 2])
    assert card(node, NOW)["notes"] == (
        "Two collectors report under this name: a and b. Give each host its own NODE_NAME."
    )


@pytest.mark.parametrize(
    ("metric", "detail", "words"),
    [
        ("cpu", {"per_core": [1.0, 2.0], "load": [0.5, 0.25, 0.125]}, "2 cores · load 0.50 0.25 0.12"),
        ("cpu", {"per_core": [1.0]}, "1 core"),
        ("cpu", {"per_core": 7, "load": ["x", 1e308]}, ""),
        ("mem", {"used": 1e300, "total": 1e308, "cached": 2**63}, "cached 8.0 EiB"),
        ("disk", {"mounts": [{"mount": "/a\u202eb\n"}]}, "/ab"),
        (
            "mem",
            {"used": 3 * GIB, "total": 4 * GIB, "cached": GIB, "swap_used": GIB, "swap_total": 2 * GIB},
            "3.0 GiB of 4.0 GiB · cached 1.0 GiB · swap 1.0 GiB of 2.0 GiB",
        ),
        ("mem", {"used": 3 * GIB, "total": 4 * GIB, "swap_used": 0, "swap_total": 0}, "3.0 GiB of 4.0 GiB"),
        ("mem", {"used": "much", "total": None, "cached": -1}, ""),
        (
            "disk",
            {"mounts": [{"mount": "/", "used": GIB, "total": 2 * GIB}], "read": 2048, "written": 0},
            "/ 1.0 GiB of 2.0 GiB · read 2.0 KiB/s, written 0 B/s",
        ),
        ("disk", {"mounts": [{"mount": f"/{name}"} for name in "abcde"]}, "/a · /b · /c · 2 more"),
        ("disk", {"mounts": {"/": 1}, "read": True}, ""),
        ("net", {"received": 100, "sent": 5}, "↓ 100 B/s ↑ 5 B/s"),
        (
            "net",
            {"received": 2, "sent": 1, "interfaces": [{"name": "eth0", "received": 2, "sent": 1}]},
            "eth0 ↓ 2 B/s ↑ 1 B/s",
        ),
        ("net", {"interfaces": [None, {"name": 7}, {"name": "x"}]}, "x"),
    ],
)
def test_detail_is_said_where_it_can_be(metric: str, detail: dict[str, Any], words: str) -> None:
    """A strange one does not cost the value."""
    assert DETAILS[metric](Sample(NOW, 1.0, body=msgpack.packb(detail))) == words


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=8), more, max_size=3),
    max_leaves=8,
)
FIELDS = ["per_core", "load", "used", "total", "cached", "swap_used", "swap_total", "mounts", "interfaces", "read",
    "written", "received", "sent"]  # fmt: skip


@given(st.sampled_from(METRICS), st.dictionaries(st.sampled_from(FIELDS), JUNK))
def test_any_detail_is_words_or_nothing(metric: str, detail: dict[str, Any]) -> None:
    """It comes from anybody."""
    assert isinstance(DETAILS[metric](Sample(NOW, 1.0, body=msgpack.packb(detail))), str)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (999.6, "1.0 KiB"), (1536, "1.5 KiB"), (102_359, "100 KiB"), (1 << 40, "1.0 TiB")],
)
def test_bytes_have_at_most_three_digits(number: float, words: str) -> None:
    """And a unit."""
    assert " ".join(amount(number)) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(7, "7 s"), (119, "119 s"), (600, "10 min"), (9000, "2 h"), (172_800, "2 d")]
)
def test_a_length_of_time_is_rough(seconds: int, words: str) -> None:
    """In the largest unit of which there are two."""
    assert duration(seconds * SECOND_NS) == words


def test_a_containers_own_figures_are_not_taken_for_its_hosts() -> None:
    node = Node("n")
    for second in range(-100, 1):
        moment = NOW + second * SECOND_NS
        body = msgpack.packb({"scope": "container" if second % 2 == 0 else "host", "load": [1, 2, 3]})
        node.take("cpu", Sample(moment, 5.0, body=body), moment)
    assert card(tidied(node), NOW)["metrics"]["cpu"]["detail"] == "load 1.00 2.00 3.00 (container)"
