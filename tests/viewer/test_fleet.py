"""All nodes: found by name, counted by state, bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_kit import NOW, body

from viewer.fleet import FORGOTTEN_NS, Fleet, Part
from viewer.nodes import DOWN_NS, State
from viewer.samples import SECOND_NS


def fleet_of(*names: str, limit: int = 100) -> Fleet:
    fleet = Fleet(limit)
    for name in names:
        fleet.take(f"host/{name}/cpu", body(), NOW)
    fleet.tidy(NOW)
    return fleet


def names(part: Part) -> list[str]:
    return [node.name for node in part.nodes]


def test_names_are_in_the_order_that_people_count_in() -> None:
    """And stay so when others come."""
    fleet = fleet_of("node10", "node2", "db", "node1")
    fleet.take("host/node3/mem", body(), NOW)
    assert names(fleet.part("", 1, 9)) == ["db", "node1", "node2", "node3", "node10"]


def test_pages_hold_all_of_them_once() -> None:
    """A page that there is not is the nearest one."""
    fleet = fleet_of(*(f"n{number}" for number in range(25)))
    parts = [fleet.part("", page, 10) for page in (1, 2, 3)]
    assert [len(part.nodes) for part in parts] == [10, 10, 5]
    assert {name for part in parts for name in names(part)} == {f"n{number}" for number in range(25)}
    assert (fleet.part("", 99, 10).page, fleet.part("", 0, 10).page, parts[0].pages) == (3, 1, 3)


def test_nodes_are_found_by_a_piece_of_their_names() -> None:
    """Whatever the case; nothing found is an empty first page."""
    fleet = fleet_of("Web-1", "web-2", "db")
    assert names(fleet.part("web", 1, 9)) == ["Web-1", "web-2"]
    assert fleet.part("mail", 5, 9) == Part([], 0, 1, 1)


def test_there_is_a_limit_and_what_is_beyond_is_counted_as_long_as_it_reports() -> None:
    """Those that are known go on."""
    fleet = fleet_of("a", "b", "c", "d", "c", limit=2)
    assert (len(fleet), fleet.more) == (2, 2)
    fleet.take("host/c/cpu", body(), NOW)
    fleet.take("host/a/cpu", body(), NOW + SECOND_NS)
    fleet.tidy(NOW)
    assert fleet.more == 1
    assert fleet.part("a", 1, 1).nodes[0].heard == NOW + SECOND_NS
    fleet.tidy(NOW)
    assert fleet.more == 0


def test_a_node_that_has_been_silent_for_a_week_is_no_node() -> None:
    """One that says nothing good stays as long as it says something, or nobody would see why."""
    fleet = fleet_of("old")
    fleet.take("host/new/cpu", body(), NOW + FORGOTTEN_NS)
    fleet.take("host/odd/cpu", b"x", NOW + 1)
    fleet.take("host/junk/cpu", b"x", NOW)
    fleet.tidy(NOW + FORGOTTEN_NS + 1)
    assert names(fleet.part("", 1, 9)) == ["new", "odd"]


def test_who_is_down_longest_makes_room_for_who_reports() -> None:
    """Jobs that come and go must not shut the living out; those that live stay."""
    fleet = fleet_of("a", "b", "c", limit=3)
    later = NOW + DOWN_NS + 5 * SECOND_NS
    fleet.take("host/b/cpu", body(), later)
    fleet.take("host/a/cpu", body(), NOW + SECOND_NS)
    for name in ("x", "y", "z"):
        fleet.take(f"host/{name}/cpu", body(), later)
    assert names(fleet.part("", 1, 9)) == ["b", "x", "y"]
    fleet.tidy(later)
    assert fleet.more == 1


def test_nodes_of_nothing_but_rubbish_make_room_first() -> None:
    """They have never been live."""
    fleet = Fleet(limit=2)
    for name in ("junk", "good", "new"):
        fleet.take(f"host/{name}/cpu", b"x" if name == "junk" else body(), NOW)
    assert names(fleet.part("", 1, 9)) == ["good", "new"]


def test_they_are_counted_by_state() -> None:
    """At one moment."""
    fleet = fleet_of("a", "b")
    fleet.take("host/c/cpu", body(), NOW + 100 * SECOND_NS)
    assert fleet.count(NOW + 100 * SECOND_NS) == {State.LIVE: 1, State.DOWN: 2}


def test_what_is_no_sample_is_counted_for_its_node_and_in_all_unless_it_is_told_again() -> None:
    """Neighbours of a bad record are there."""
    fleet = fleet_of("a")
    for record in (b"\xc1", body(value=101.0), b"\xc1", body(1)):
        fleet.take("host/a/mem", record, NOW)
    fleet.take("host/a/mem", b"\xc1", NOW, in_order=False)
    assert fleet.skipped == fleet.part("", 1, 1).nodes[0].skipped == {"not msgpack": 2, "impossible value": 1}
    assert set(fleet.part("", 1, 1).nodes[0].tracks) == {"cpu", "mem"}


def test_what_is_told_out_of_order_makes_no_rivals() -> None:
    """The last word comes first when a viewer starts; the history behind it is of a collector that has ended."""
    fleet = Fleet()
    fleet.take("host/a/cpu", body(0, collector="new"), NOW, in_order=False)
    for second, name in ((9, "old"), (8, "old"), (1, "new"), (0, "new")):
        fleet.take("host/a/cpu", body(second, collector=name), NOW - second * SECOND_NS)
    assert fleet.part("", 1, 1).nodes[0].rivals is None
    fleet.take("host/a/cpu", body(0, collector="old"), NOW)
    assert fleet.part("", 1, 1).nodes[0].rivals == ("new", "old")


@pytest.mark.parametrize("topic", ["host/a/gpu", "host/a", "host/a/b/cpu", "other/a/cpu", "x", "//"])
def test_a_topic_that_was_not_asked_for_is_nothing(topic: str) -> None:
    """A broker is not trusted to send only what was asked for."""
    fleet = Fleet()
    fleet.take(topic, body(), NOW)
    assert len(fleet) == 0


@given(st.lists(st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,30}", fullmatch=True), max_size=20))
def test_any_name_has_its_place(wanted: list[str]) -> None:
    """Numbers of any length, at any place."""
    fleet = fleet_of(*wanted)
    assert sorted(names(fleet.part("", 1, 100))) == sorted(set(wanted))
