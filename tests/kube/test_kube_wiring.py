"""What one object says of another is so: Services and ports, selectors, probes, claims, priorities."""

from __future__ import annotations

import json

import pytest
from kube_kit import EXAMPLES, Object, Objects, built, notes, pods, rendered, values_of
from page import ROOT
from reach import selects

from mq.config import Config, load

PLACES = ["base", *(f"overlays/{example}" for example in EXAMPLES)]
UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}
SYNCS_MIN = 10


def bytes_of(quantity: str) -> int:
    """Return a quantity of bytes in bytes."""
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def of_kind(objects: Objects, *kinds: str) -> dict[str, Object]:
    """Return objects of some kinds by name."""
    return {key[2]: each for key, each in objects.items() if key[0] in kinds}


def variables(pod: Object) -> dict[str, str]:
    """Return what a pod's container is told that does not come from elsewhere."""
    return {each["name"]: each["value"] for each in pod["spec"]["containers"][0].get("env", []) if "value" in each}


@pytest.mark.parametrize("place", PLACES)
def test_each_service_has_its_pods_and_their_very_ports(place: str) -> None:
    """A client dials control, and the broker tells it the ports that it listens on: they must be the Service's too."""
    objects = built(place)
    services = of_kind(objects, "Service")
    assert services.keys() == {"broker", "broker-headless", "viewer", "gateway"}
    for service in services.values():
        wanted = {"matchLabels": service["spec"]["selector"]}
        (pod,) = [it for key, it in pods(objects) if key[1] == "minimq" and selects(wanted, it["metadata"]["labels"])]
        theirs = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
        assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == theirs
        assert all(port["targetPort"] == port["name"] for port in service["spec"]["ports"])


@pytest.mark.parametrize("place", PLACES)
def test_each_pod_is_its_owners_and_named_like_it(place: str) -> None:
    objects = built(place)
    for (kind, namespace, name), pod in pods(objects):
        each = objects[kind, namespace, name]
        assert each["metadata"]["labels"]["app"] == pod["metadata"]["labels"]["app"] == name
        others = [labels for key, it in pods(objects) if key[2] != name and (labels := it["metadata"]["labels"])]
        assert selects(each["spec"]["selector"], pod["metadata"]["labels"])
        assert not any(selects(each["spec"]["selector"], labels) for labels in others)


@pytest.mark.parametrize("place", PLACES)
def test_what_listens_is_asked_by_three_probes_on_a_port_that_it_has(place: str) -> None:
    for key, pod in pods(built(place)):
        (container,) = pod["spec"]["containers"]
        asked = [container.get(f"{when}Probe") for when in ("startup", "liveness", "readiness")]
        if key[0] == "DaemonSet":
            assert asked == [None, None, None]
            assert "ports" not in container
            continue
        ports = {port["name"] for port in container["ports"]}
        assert all(probe["httpGet"]["port"] in ports for probe in asked)


@pytest.mark.parametrize("place", PLACES)
def test_each_priority_is_there(place: str) -> None:
    objects = built(place)
    used = {pod["spec"]["priorityClassName"] for key, pod in pods(objects) if key[0] in ("StatefulSet", "DaemonSet")}
    assert used == of_kind(objects, "PriorityClass").keys()


@pytest.mark.parametrize("place", PLACES)
def test_a_drain_may_move_the_broker_and_gives_it_time_to_sync(place: str) -> None:
    objects = built(place)
    (budget,) = of_kind(objects, "PodDisruptionBudget").values()
    broker = of_kind(objects, "StatefulSet")["broker"]["spec"]
    assert selects(budget["spec"]["selector"], broker["template"]["metadata"]["labels"])
    assert budget["spec"]["maxUnavailable"] >= broker["replicas"] == 1
    assert broker["template"]["spec"]["terminationGracePeriodSeconds"] >= SYNCS_MIN * Config().sync_interval_s
    assert broker["serviceName"] == "broker-headless"


@pytest.mark.parametrize("place", PLACES)
def test_all_that_the_journal_may_keep_fits_on_the_claim(place: str) -> None:
    broker = of_kind(built(place), "StatefulSet")["broker"]["spec"]
    limits = load(variables(broker["template"]), ROOT / "kube")
    (claim,) = broker["volumeClaimTemplates"]
    assert bytes_of(claim["spec"]["resources"]["requests"]["storage"]) > (
        limits.journal_bytes_max + limits.quarantine_bytes_max + 2 * limits.disk_free_bytes_min
    )
    mounted = {each["name"]: each["mountPath"] for each in broker["template"]["spec"]["containers"][0]["volumeMounts"]}
    assert mounted == {"data": "/app/data", "tmp": "/tmp"}  # noqa: S108 - a container's


@pytest.mark.parametrize("place", PLACES)
def test_every_tmp_is_bounded(place: str) -> None:
    for _, pod in pods(built(place)):
        bounded = [each for each in pod["spec"]["volumes"] if each.get("emptyDir", {}).get("sizeLimit")]
        assert [each["name"] for each in bounded] == ["tmp"]


def test_what_is_scraped_is_one_service_by_a_port_that_it_has() -> None:
    objects = built("overlays/production")
    monitor = of_kind(objects, "ServiceMonitor")["broker"]["spec"]
    services = of_kind(objects, "Service")
    (scraped,) = [it for it in services.values() if selects(monitor["selector"], it["metadata"]["labels"])]
    (endpoint,) = monitor["endpoints"]
    assert endpoint["port"] in {port["name"] for port in scraped["spec"]["ports"]}
    assert not of_kind(built("base"), "ServiceMonitor")


def test_the_dashboard_is_the_one_of_the_documentation() -> None:
    dashboard = of_kind(built("base"), "ConfigMap")["dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    text = (ROOT / "docs" / "grafana" / "minimq.json").read_text("utf-8")
    assert json.loads(dashboard["data"]["minimq.json"]) == json.loads(text)


def test_the_page_is_open_to_the_outside_when_it_is_asked_for() -> None:
    assert of_kind(built("base"), "Service")["viewer"]["spec"]["type"] == "ClusterIP"
    viewer = of_kind(built("overlays/production"), "Service")["viewer"]["spec"]
    assert (viewer["type"], viewer["loadBalancerSourceRanges"]) == ("LoadBalancer", ["10.0.0.0/8"])


def test_the_notes_name_the_next_command_and_the_way_to_the_page() -> None:
    said = notes()
    assert "kubectl -n minimq rollout status statefulset/broker deployment/viewer deployment/gateway" in said
    assert "kubectl -n minimq port-forward service/viewer 8080:8080" in said
    open_to_all = notes(values_of("production"))
    assert "port-forward" not in open_to_all
    assert "kubectl -n minimq get service viewer" in open_to_all


def test_a_changed_configuration_starts_the_broker_anew() -> None:
    def noted(config: str) -> Object:
        pod = of_kind(rendered({"broker": {"config": config}}), "StatefulSet")["broker"]["spec"]["template"]
        annotations: Object = pod["metadata"]["annotations"]
        return annotations

    assert noted("[broker]\nsync_interval_s = 0.5\n") != noted("[broker]\nsync_interval_s = 0.6\n")
