"""Who may reach whom by the NetworkPolicies.

What https://kubernetes.io/docs/concepts/services-networking/network-policies/ says, for pods and ports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kube_kit import Object, Objects, pods

TCP, UDP = "TCP", "UDP"


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod, or with no labels something outside of the cluster."""

    namespace: str
    labels: dict[str, str] = field(default_factory=dict)


OUTSIDE = Peer("")


def peers_of(objects: Objects) -> dict[str, Peer]:
    """Return the pods that there will be, by their label "app"."""
    return {pod["metadata"]["labels"]["app"]: Peer(key[1], pod["metadata"]["labels"]) for key, pod in pods(objects)}


def may_reach(objects: Objects, source: Peer, target: Peer, port: int, protocol: str = TCP) -> bool:
    """Whether a connection may leave the one and come in at the other."""
    leaves = _admitted(objects, source, "Egress", target, port, protocol)
    return leaves and _admitted(objects, target, "Ingress", source, port, protocol)


def _admitted(objects: Objects, at: Peer, way: str, other: Peer, port: int, protocol: str) -> bool:
    """Whether what is said for a pod lets this in or out: all of it, where nothing is said for the pod."""
    said = [
        each["spec"]
        for (kind, namespace, _), each in objects.items()
        if kind == "NetworkPolicy" and namespace == at.namespace and selects(each["spec"]["podSelector"], at.labels)
    ]
    said = [spec for spec in said if way in spec["policyTypes"]]
    if not said:
        return True
    side = "from" if way == "Ingress" else "to"
    return any(
        _has_port(rule, port, protocol) and (side not in rule or any(_is_peer(it, at, other) for it in rule[side]))
        for spec in said
        for rule in spec.get(way.lower(), [])
    )


def _has_port(rule: Object, port: int, protocol: str) -> bool:
    return "ports" not in rule or {"protocol": protocol, "port": port} in rule["ports"]


def _is_peer(named: Object, at: Peer, other: Peer) -> bool:
    assert "ipBlock" not in named, "addresses are not known here"
    if other is OUTSIDE:
        return False
    if "namespaceSelector" in named:
        here = selects(named["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        here = other.namespace == at.namespace
    return here and selects(named.get("podSelector", {}), other.labels)


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a selector is one of these labels; an empty one is of all."""
    wanted: dict[str, Any] = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions), "no other operator is known here"
    return wanted.items() <= labels.items() and all(labels.get(it["key"]) in it["values"] for it in expressions)
