"""What kube/ comes to: rendered by Helm and built by kustomize, as objects by kind, namespace and name."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import helm_python
import kubernetes_validate
import kubernetes_validate.utils
import yaml
from hypothesis import strategies as st
from page import ROOT

from mq.config import NUMBERS

KUBE = ROOT / "kube"
CHART = KUBE / "chart"
KUBECTL = str(Path(sysconfig.get_path("scripts")) / "kubectl")
BUILD_S_MAX = 60
EXAMPLES = ("laptop", "production")  # each of them an overlay, and a file of values

Object = dict[str, Any]
Key = tuple[str, str, str]
Objects = dict[Key, Object]


def _setting(name: str) -> st.SearchStrategy[float]:
    """Return values that a setting of the broker may have: whole ones as far as JSON's numbers are exact."""
    spec = NUMBERS[name]
    least = spec.metadata["least"]
    return st.integers(least, 1 << 53) if isinstance(spec.default, int) else st.floats(least, 1e15)


ANY_SETTINGS = st.fixed_dictionaries({}, optional={name: _setting(name) for name in NUMBERS})


def values_of(example: str) -> Object:
    """Return the values of an example."""
    return helm_python.values_from_yaml((KUBE / "values" / f"{example}.yaml").read_text("utf-8"))


def rendered(values: Object | None = None) -> Objects:
    """Return what the chart renders with such values."""
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values, name="minimq")
    return _keyed(each for path, text in texts.items() if path.endswith(".yaml") for each in yaml.safe_load_all(text))


def notes(values: Object | None = None) -> str:
    """Return what Helm says when it has installed."""
    with helm_python.Chart.load(CHART) as chart:
        return chart.render(values, name="minimq")["minimq/templates/NOTES.txt"]


@cache
def built_text(place: str) -> str:
    """Return what kustomize builds from a directory of kube/, as it stands."""
    command = [KUBECTL, "kustomize", str(KUBE / place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S_MAX, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def built(place: str) -> Objects:
    """Return what kustomize builds from a directory of kube/."""
    return _keyed(yaml.safe_load_all(built_text(place)))


def pods(objects: Objects) -> Iterator[tuple[Key, Object]]:
    """Yield the pod template of each object that has one, with the namespace that it will run in."""
    for key, each in objects.items():
        if template := each.get("spec", {}).get("template"):
            yield key, {"metadata": {**template["metadata"], "namespace": key[1]}, "spec": template["spec"]}


_read_once = cache(kubernetes_validate.utils.schema_contents)


def validate(each: Object, version: str) -> None:
    """Raise what Kubernetes of a version would refuse an object for, a field that it does not know included.

    kubernetes-validate by itself reads a megabyte of schemas anew for each object.
    """
    with patch.object(kubernetes_validate.utils, "schema_contents", _read_once):
        assert kubernetes_validate.validate(each, version, strict=True) == version


def _keyed(documents: Iterable[Object | None]) -> Objects:
    objects: Objects = {}
    for each in filter(None, documents):
        about = each["metadata"]
        key = (each["kind"], about.get("namespace", ""), about["name"])
        assert key not in objects, f"{key} is there twice"
        objects[key] = each
    return objects
