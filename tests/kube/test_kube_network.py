"""The NetworkPolicies let through what has to come through, and nothing else."""

from __future__ import annotations

from itertools import product

import pytest
from kube_kit import built, rendered, values_of
from reach import OUTSIDE, UDP, Peer, may_reach, peers_of

DATA = (5555, 5556, 5557)
OPS, PAGE, HTTP = 5558, 8080, 5000
PORTS = (*DATA, OPS, PAGE, HTTP, 22)
DNS = Peer("kube-system", {"k8s-app": "kube-dns"})
APP, PROMETHEUS, STRANGER = Peer("apps", {"app": "shop"}), Peer("monitoring", {"app": "prometheus"}), Peer("other", {})
APPS = {"matchLabels": {"kubernetes.io/metadata.name": "apps"}}
COLLECTORS = [f"producer-host-{metric}" for metric in ("cpu", "mem", "disk", "net")]
CLIENTS = ["viewer", "gateway", *COLLECTORS]
INNER = {(client, "broker", port) for client in CLIENTS for port in DATA}

Way = tuple[str, str, int]


def ways(example: str | None) -> set[Way]:
    """Return every way that is open, between our pods and from others to them."""
    objects = built(f"overlays/{example}" if example else "base")
    ours = peers_of(objects)
    others = {"app": APP, "prometheus": PROMETHEUS, "stranger": STRANGER, "outside": OUTSIDE}
    return {
        (name, target, port)
        for (name, peer), target, port in product({**ours, **others}.items(), ours, PORTS)
        if name != target and may_reach(objects, peer, ours[target], port)
    }


def test_by_default_only_our_own_clients_reach_the_broker_and_nobody_the_rest() -> None:
    assert ways(None) == INNER


def test_in_the_example_apps_and_prometheus_reach_the_broker_and_all_the_page() -> None:
    apps = {("app", "broker", port) for port in DATA}
    page = {(name, "viewer", PAGE) for name in ("app", "prometheus", "stranger", "outside")}
    assert ways("production") == INNER | apps | {("prometheus", "broker", OPS)} | page


def test_one_daemonset_has_the_ways_of_all() -> None:
    assert ways("laptop") == {
        (client, "broker", port) for client in ("viewer", "gateway", "producer-host") for port in DATA
    }


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_can_ask_for_names_and_reach_nobody_else(client: str) -> None:
    objects = built("base")
    peer = peers_of(objects)[client]
    assert may_reach(objects, peer, DNS, 53)
    assert may_reach(objects, peer, DNS, 53, UDP)
    assert not any(may_reach(objects, peer, STRANGER, port) for port in PORTS)


def test_the_broker_dials_nobody() -> None:
    objects = built("base")
    broker = peers_of(objects)["broker"]
    assert not any(may_reach(objects, broker, peer, port) for peer in (DNS, APP, OUTSIDE) for port in (*PORTS, 53))


def test_who_is_named_for_the_gateway_reaches_it() -> None:
    objects = rendered({"gateway": {"allowFrom": [{"namespaceSelector": APPS}]}})
    gateway = peers_of(objects)["gateway"]
    assert may_reach(objects, APP, gateway, HTTP)
    assert not may_reach(objects, STRANGER, gateway, HTTP)


def test_without_policies_nothing_is_held_back() -> None:
    objects = rendered({**values_of("laptop"), "networkPolicies": False})
    assert may_reach(objects, STRANGER, peers_of(objects)["broker"], OPS)


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort", "LoadBalancer"])
def test_who_is_named_for_the_page_is_all_that_reaches_it_however_it_is_served(kind: str) -> None:
    objects = rendered({"viewer": {"service": {"type": kind}, "allowFrom": [{"namespaceSelector": APPS}]}})
    viewer = peers_of(objects)["viewer"]
    assert may_reach(objects, APP, viewer, PAGE)
    assert not any(may_reach(objects, peer, viewer, PAGE) for peer in (STRANGER, OUTSIDE))
