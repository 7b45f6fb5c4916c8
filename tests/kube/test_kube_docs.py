"""``docs/kubernetes.md`` has every value and every kind of object, and the files that it names are there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import helm_python
import pytest
from kube_kit import CHART, EXAMPLES, built
from page import ROOT

from mq import __version__

PAGE = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
CODE = re.compile(r"`([^`]+)`")
WHOLE = {"settings", "resources", "nodeSelector", "annotations"}  # maps that are one value


def leaves(values: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the names of the values that there are to set."""
    if isinstance(values, dict) and not (path and path[-1] in WHOLE):
        for name, each in values.items():
            yield from leaves(each, (*path, name))
    else:
        yield ".".join(path)


def test_every_value_is_there_and_no_other() -> None:
    with helm_python.Chart.load(CHART) as chart:
        there = sorted(leaves(chart.values))
    _, section = PAGE.split("## What can be set\n", 1)
    rows = [line.split(" | ")[0] for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert sorted(name for row in rows for name in CODE.findall(row)) == there


@pytest.mark.parametrize("place", ["base", *(f"overlays/{example}" for example in EXAMPLES)])
def test_every_kind_of_object_is_there(place: str) -> None:
    """A plural is its kind with an end of its own: NetworkPolicies, PriorityClasses."""
    said = " ".join(row[0] for row in ROWS)
    assert [kind for kind, _, _ in built(place) if kind.removesuffix("y") not in said] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\bkube/[\w/.-]+\w", PAGE))))
def test_each_path_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_version_is_the_one_of_today() -> None:
    assert set(re.findall(r"minimq:(\d[\w.]*)", PAGE)) == {__version__}
    container = built("base")["StatefulSet", "minimq", "broker"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"minimq:{__version__}"
