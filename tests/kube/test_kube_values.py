"""Bad values are refused, by a line that says which and why; good ones come to pods that keep all they promise."""

from __future__ import annotations

from typing import Any

import helm_python
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kube_kit import ANY_SETTINGS, CHART, Object, notes, pods, rendered, validate
from pod_security import broken

from mq import __version__

EXAMPLES_MAX = 25
NEWEST = "1.37"
# A path into the values, what is put there, and what the refusal names.
BAD: list[tuple[str, Any, str]] = [
    ("broker.replicas", 2, "replicas"),
    ("brokers", {}, "brokers"),
    ("namespace", "Mini_MQ", "/namespace"),
    ("namespace", "", "/namespace"),
    ("image.tag", "latest and greatest", "/image/tag"),
    ("image.tag", 1.2, "/image/tag"),
    ("image.repository", "Minimq", "/image/repository"),
    ("image.pullPolicy", "Sometimes", "/image/pullPolicy"),
    ("image.pullSecrets", ["registry"], "/image/pullSecrets"),
    ("broker.settings", {"journal_byte_max": 1 << 30}, "journal_byte_max"),
    ("broker.settings", {"journal_bytes_max": "50Gi"}, "journal_bytes_max"),
    ("broker.settings", {"journal_bytes_max": 1.5}, "journal_bytes_max"),
    ("broker.settings", {"journal_bytes_max": 1}, "journal_bytes_max"),
    ("broker.settings", {"sync_interval_s": 0}, "sync_interval_s"),
    ("broker.config", {"broker": {}}, "/broker/config"),
    ("broker.storage.size", "a lot", "/broker/storage/size"),
    ("broker.storage.size", 16, "/broker/storage/size"),
    ("broker.resources", {"limits": {"memory": "1GB"}}, "memory"),
    ("broker.resources", {"limits": {"ram": "1Gi"}}, "ram"),
    ("broker.allowFrom", ["apps"], "/broker/allowFrom"),
    ("broker.allowFrom", [{}], "/broker/allowFrom"),
    ("broker.allowFrom", [{"namespace": "apps"}], "namespace"),
    ("broker.tolerations", [{"operator": "Exist"}], "/broker/tolerations"),
    ("broker.nodeSelector", {"fast": True}, "/broker/nodeSelector"),
    ("viewer.origins", ["https://metrics.example"], "/viewer/origins"),
    ("viewer.origins", "metrics.example", "/viewer/origins"),
    ("viewer.service.type", "Public", "/viewer/service/type"),
    ("viewer.service.sourceRanges", ["10.0.0.1"], "/viewer/service/sourceRanges"),
    ("gateway.service.port", 80, "port"),
    ("collectors.metrics", ["gpu"], "/collectors/metrics"),
    ("collectors.metrics", [], "/collectors/metrics"),
    ("collectors.metrics", ["cpu", "cpu"], "/collectors/metrics"),
    ("collectors.single", "yes", "/collectors/single"),
    ("collectors.rootMountPropagation", "Bidirectional", "/collectors/rootMountPropagation"),
    ("networkPolicies", "on", "/networkPolicies"),
    ("metrics.serviceMonitor", 1, "/metrics/serviceMonitor"),
]


def at(path: str, what: Any) -> Object:
    """Return values that hold something at a path."""
    for name in reversed(path.split(".")):
        what = {name: what}
    values: Object = what
    return values


@pytest.mark.parametrize(("path", "what", "named"), BAD)
def test_a_bad_value_is_refused_and_named(path: str, what: Any, named: str) -> None:
    with helm_python.Chart.load(CHART) as chart, pytest.raises(helm_python.HelmValuesError) as refused:
        chart.validate_schema(chart.merge_values(at(path, what)))
    assert named.rpartition("/")[2] in str(refused.value)
    assert helm_python.lint(CHART, at(path, what))["errors"]


def test_collectors_are_not_put_beside_the_broker() -> None:
    with pytest.raises(helm_python.HelmRenderError, match=r'both "minimq".*name two'):
        rendered({"collectors": {"namespace": "minimq"}})


PEERS = st.lists(
    st.sampled_from(
        [{"namespaceSelector": {}}, {"podSelector": {"matchLabels": {"a": "b"}}}, {"ipBlock": {"cidr": "::/0"}}]
    ),
    max_size=2,
)
WEB = st.fixed_dictionaries(
    {},
    optional={
        "origins": st.lists(st.sampled_from(["metrics.example", "10.0.0.5", "::1", "*"]), max_size=2),
        "service": st.fixed_dictionaries(
            {"type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"])},
            optional={"sourceRanges": st.just(["10.0.0.0/8"]), "annotations": st.just({"a": '{{ b }}: "c"'})},
        ),
        "allowFrom": PEERS,
        "nodeSelector": st.just({"zone": "a"}),
        "tolerations": st.just([{"key": "a", "operator": "Exists"}]),
    },
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "namespace": st.sampled_from(["minimq", "m", "true", "0"]),
        "image": st.fixed_dictionaries({"tag": st.sampled_from(["", "1.10", "0x1", "1e3"])}),
        "broker": st.fixed_dictionaries(
            {},
            optional={
                "settings": ANY_SETTINGS,
                "config": st.sampled_from(["", "[broker]\nsegment_bytes = 4096", "# {{ .Values }}\n\n[broker]\n"]),
                "allowFrom": PEERS,
            },
        ),
        "viewer": WEB,
        "gateway": WEB,
        "collectors": st.fixed_dictionaries(
            {},
            optional={
                "single": st.booleans(),
                "metrics": st.lists(st.sampled_from(["cpu", "mem", "disk", "net"]), min_size=1, unique=True),
            },
        ),
        "networkPolicies": st.booleans(),
        "metrics": st.fixed_dictionaries({"serviceMonitor": st.booleans(), "dashboard": st.booleans()}),
    },
)


@settings(max_examples=EXAMPLES_MAX, deadline=None)
@given(VALUES)
def test_whatever_the_values_are_what_is_promised_holds(values: Object) -> None:
    objects = rendered(values)
    namespaces = {name for kind, _, name in objects if kind == "Namespace"}
    assert {namespace for _, namespace, _ in objects} == {"", *namespaces}
    for key, each in objects.items():
        if key[0] != "ServiceMonitor":
            validate(each, NEWEST)
    for key, pod in pods(objects):
        level = objects["Namespace", "", key[1]]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        assert broken(pod, level) == set(), key
        for container in pod["spec"]["containers"]:
            assert container["image"] == f"minimq:{values.get('image', {}).get('tag') or __version__}"
    given_metrics = values.get("collectors", {}).get("metrics", ["cpu", "mem", "disk", "net"])
    told = [pod["spec"]["containers"][0]["env"][0]["value"] for key, pod in pods(objects) if key[0] == "DaemonSet"]
    assert sorted(" ".join(told).split()) == sorted(given_metrics)
    assert values.get("networkPolicies", True) == any(kind == "NetworkPolicy" for kind, _, _ in objects)
    assert notes(values)
