"""Kustomize and Helm come to the same objects, and what is made from elsewhere is as it would be made today."""

from __future__ import annotations

import sys

import pytest
import yaml
from kube_kit import EXAMPLES, KUBE, built, built_text, rendered, values_of
from page import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

from kube_base import BASE, base_files, chart_files


def test_the_base_is_what_the_chart_renders_by_its_defaults() -> None:
    assert built("base") == rendered()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_overlay_is_what_the_chart_renders_with_its_values(example: str) -> None:
    ours, theirs = built(f"overlays/{example}"), rendered(values_of(example))
    assert ours.keys() == theirs.keys()
    for key, each in ours.items():
        assert each == theirs[key], key
    assert ours != built("base")


def test_each_overlay_has_its_values_and_each_values_its_overlay() -> None:
    assert {path.name for path in (KUBE / "overlays").iterdir()} == set(EXAMPLES)
    assert {path.stem for path in (KUBE / "values").iterdir()} == set(EXAMPLES)


def test_what_is_made_is_up_to_date() -> None:
    """It is not: make kube."""
    for path, text in {**chart_files(ROOT), **base_files(ROOT)}.items():
        assert (ROOT / path).read_text("utf-8") == text, path
    assert {path.relative_to(ROOT) for path in (ROOT / BASE).iterdir()} == base_files(ROOT).keys()


@pytest.mark.parametrize("place", ["base", *(f"overlays/{example}" for example in EXAMPLES)])
def test_what_others_need_is_applied_before_them(place: str) -> None:
    kinds = [each["kind"] for each in yaml.safe_load_all(built_text(place))]
    assert kinds[:2] == ["Namespace", "Namespace"]
    assert max(i for i, kind in enumerate(kinds) if kind == "PriorityClass") < kinds.index("Deployment")
