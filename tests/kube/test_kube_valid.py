"""Each Kubernetes that is supported would take the objects, and Helm has nothing to say against the chart."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

import helm_python
import kubernetes_validate
import pytest
from kube_kit import CHART, EXAMPLES, Object, built, rendered, validate, values_of

VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
WARNING = 2
# What neither default nor example has.
THE_REST: Object = {
    "image": {"pullSecrets": [{"name": "registry"}]},
    "broker": {
        "config": "[broker]\nsync_interval_s = 0.5\n",
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "journal", "operator": "Equal", "value": "only", "effect": "NoSchedule"}],
    },
    "viewer": {
        "service": {"type": "NodePort", "annotations": {"example/zone": "a"}},
        "allowFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    },
    "gateway": {"origins": ["metrics.example"], "allowFrom": [{"podSelector": {"matchLabels": {"app": "shop"}}}]},
    "collectors": {"metrics": ["cpu", "net"]},
    "networkPolicies": True,
    "metrics": {"dashboard": False},
}
ALL: list[Object | None] = [None, *map(values_of, EXAMPLES), THE_REST]


def distinct() -> Iterator[Object]:
    """Yield every object that is rendered by some values, each form of it once."""
    seen: set[str] = set()
    for values in ALL:
        for each in rendered(values).values():
            if (form := json.dumps(each, sort_keys=True)) not in seen:
                seen.add(form)
                yield each


@pytest.mark.parametrize("version", VERSIONS)
def test_a_kubernetes_of_this_version_takes_every_object(version: str) -> None:
    for each in distinct():
        if each["kind"] != "ServiceMonitor":  # the Prometheus operator's; no part of Kubernetes
            validate(each, version)


def test_the_versions_are_those_that_the_chart_is_for() -> None:
    with helm_python.Chart.load(CHART) as chart:
        assert chart.metadata["kubeVersion"] == f">={VERSIONS[0]}.0-0"
    assert kubernetes_validate.latest_version() == f"{VERSIONS[-1]}.0"


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_no_field_would_be_told(version: str) -> None:
    broker = copy.deepcopy(built("base")["StatefulSet", "minimq", "broker"])
    broker["spec"]["template"]["spec"]["hostsPID"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="hostsPID"):
        validate(broker, version)


@pytest.mark.parametrize("values", ALL, ids=["defaults", *EXAMPLES, "the rest"])
@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_helm_lints_the_chart(values: Object | None, version: str) -> None:
    report = helm_python.lint(CHART, values, strict=True, kube_version=f"v{version}.0")
    assert report["total_charts_linted"] == 1
    assert report["errors"] == []
    assert [each for each in report["messages"] if each["severity"] >= WARNING] == []


def test_a_chart_can_be_packed_and_renders_the_same(tmp_path: Path) -> None:
    packed = helm_python.package(CHART, destination=tmp_path)
    with helm_python.Chart.load(packed) as theirs, helm_python.Chart.load(CHART) as ours:
        assert theirs.render(name="minimq") == ours.render(name="minimq")


def test_no_object_depends_on_what_the_release_is_called() -> None:
    with helm_python.Chart.load(CHART) as chart:
        assert chart.render(name="minimq") == chart.render(name="other", namespace="elsewhere")


def test_what_is_rendered_has_no_blank_at_a_line_s_end() -> None:
    with helm_python.Chart.load(CHART) as chart:
        for path, text in chart.render(name="minimq").items():
            assert not re.search(r"[ \t]$", text, re.MULTILINE), path
