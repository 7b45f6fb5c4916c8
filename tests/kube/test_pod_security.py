"""The pods keep to the Pod Security level of their namespace, and the checks of it can tell."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from kube_kit import EXAMPLES, Object, built, pods
from pod_security import BASELINE, RESTRICTED, broken

PLACES = ["base", *(f"overlays/{example}" for example in EXAMPLES)]
GOOD: Object = {
    "metadata": {},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, "ports": [{}]}
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
}
POD, OWN = ("spec", "securityContext"), ("spec", "containers", 0, "securityContext")
# What refuses it, and at which level, when that is put there.
WOUNDS: list[tuple[str, str, tuple[str | int, ...], Any]] = [
    ("HostProcess", "baseline", (*OWN, "windowsOptions"), {"hostProcess": True}),
    ("Host Namespaces", "baseline", ("spec", "hostPID"), True),
    ("Host Namespaces", "baseline", ("spec", "hostNetwork"), True),
    ("Host Namespaces", "baseline", ("spec", "hostIPC"), True),
    ("Privileged Containers", "baseline", (*OWN, "privileged"), True),
    ("Capabilities", "baseline", (*OWN, "capabilities", "add"), ["SYS_PTRACE"]),
    ("Capabilities", "restricted", (*OWN, "capabilities", "add"), ["CHOWN"]),
    ("Capabilities", "restricted", (*OWN, "capabilities"), {"drop": ["KILL"]}),
    ("HostPath Volumes", "baseline", ("spec", "volumes", 0), {"hostPath": {"path": "/"}, "emptyDir": {}}),
    ("Host Ports", "baseline", ("spec", "containers", 0, "ports", 0), {"hostPort": 80}),
    (
        "Host Probes / Lifecycle Hooks",
        "baseline",
        ("spec", "containers", 0, "livenessProbe"),
        {"httpGet": {"host": "10.0.0.1"}},
    ),
    ("AppArmor", "baseline", (*POD, "appArmorProfile"), {"type": "Unconfined"}),
    (
        "AppArmor",
        "baseline",
        ("metadata", "annotations"),
        {"container.apparmor.security.beta.kubernetes.io/broker": "unconfined"},
    ),
    ("SELinux", "baseline", (*OWN, "seLinuxOptions"), {"type": "spc_t"}),
    ("SELinux", "baseline", (*POD, "seLinuxOptions"), {"user": "root"}),
    ("/proc Mount Type", "baseline", (*OWN, "procMount"), "Unmasked"),
    ("Seccomp", "baseline", (*OWN, "seccompProfile"), {"type": "Unconfined"}),
    ("Seccomp", "restricted", (*POD, "seccompProfile"), {}),
    ("Sysctls", "baseline", (*POD, "sysctls"), [{"name": "kernel.msgmax", "value": "1"}]),
    ("Volume Types", "restricted", ("spec", "volumes", 0), {"nfs": {"server": "nas", "path": "/"}}),
    ("Privilege Escalation", "restricted", (*OWN, "allowPrivilegeEscalation"), True),
    ("Running as Non-root", "restricted", (*OWN, "runAsNonRoot"), False),
    ("Running as Non-root", "restricted", (*POD, "runAsNonRoot"), None),
    ("Running as Non-root user", "restricted", (*OWN, "runAsUser"), 0),
]


@pytest.mark.parametrize("place", PLACES)
def test_the_pods_keep_to_the_level_of_their_namespace(place: str) -> None:
    objects = built(place)
    for key, pod in pods(objects):
        labels = objects["Namespace", "", key[1]]["metadata"]["labels"]
        levels = {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")}
        assert len(levels) == 1
        assert broken(pod, *levels) == set(), key


@pytest.mark.parametrize("place", PLACES)
def test_collectors_need_privileged_for_their_mounts_and_for_nothing_else(place: str) -> None:
    objects = built(place)
    collecting = [pod for key, pod in pods(objects) if key[1] == "minimq-collectors"]
    assert collecting
    for pod in collecting:
        assert broken(pod, "baseline") == {"HostPath Volumes"}
        assert broken(pod, "restricted") == {"HostPath Volumes", "Volume Types"}


@pytest.mark.parametrize("place", PLACES)
def test_no_pod_is_given_more_than_it_uses(place: str) -> None:
    for _, pod in pods(built(place)):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_a_good_pod_is_refused_by_no_control() -> None:
    assert broken(GOOD, "restricted") == set()


@pytest.mark.parametrize(("control", "level", "place", "what"), WOUNDS)
def test_each_control_refuses_what_it_is_for(control: str, level: str, place: tuple[str | int, ...], what: Any) -> None:
    pod: Any = copy.deepcopy(GOOD)
    part = pod
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = what
    assert control in broken(pod, level)
    assert level == "baseline" or control not in broken(pod, "baseline")


def test_each_control_is_tried() -> None:
    assert {(control, level) for control, level, _, _ in WOUNDS} >= {
        *((name, "baseline") for name in BASELINE),
        *((name, "restricted") for name, check in RESTRICTED.items() if BASELINE.get(name) is not check),
    }
