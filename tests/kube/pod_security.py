"""The Pod Security Standards: what each control refuses in a pod.

From https://kubernetes.io/docs/concepts/security/pod-security-standards/, in its order and by its names. A control of
the level "baseline" holds for "restricted" too, unless one of the same name there is stricter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Part = dict[str, Any]

CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
CONFINED = frozenset({"RuntimeDefault", "Localhost"})


def containers(pod: Part) -> list[Part]:
    """Return every container of a pod, of each kind."""
    spec = pod["spec"]
    return [each for kind in ("initContainers", "containers", "ephemeralContainers") for each in spec.get(kind, [])]


def _contexts(pod: Part) -> list[Part]:
    """Return the security contexts: the pod's, then each container's."""
    return [each.get("securityContext", {}) for each in (pod["spec"], *containers(pod))]


def _own(pod: Part) -> list[Part]:
    return _contexts(pod)[1:]


def _settled(pod: Part, name: str) -> list[Any]:
    """Return what holds for each container: its own word, else the pod's."""
    pods, *own = _contexts(pod)
    return [each.get(name, pods.get(name)) for each in own]


def _hosts_asked(pod: Part) -> Iterator[str]:
    """Yield the hosts that probes and hooks ask."""
    for each in containers(pod):
        hooks = each.get("lifecycle", {})
        probes = [each.get(name, {}) for name in ("startupProbe", "livenessProbe", "readinessProbe")]
        for handler in (*probes, *(hooks.get(name, {}) for name in ("postStart", "preStop"))):
            yield from (handler.get(way, {}).get("host", "") for way in ("httpGet", "tcpSocket"))


def _apparmor(pod: Part) -> bool:
    notes = pod["metadata"].get("annotations", {})
    said = [text for name, text in notes.items() if name.startswith("container.apparmor.security.beta.kubernetes.io/")]
    kinds = [each.get("appArmorProfile", {}).get("type", "RuntimeDefault") for each in _contexts(pod)]
    return not CONFINED.issuperset(kinds) or any(
        text not in ("", "runtime/default") and not text.startswith("localhost/") for text in said
    )


def _selinux(pod: Part) -> bool:
    options = [each.get("seLinuxOptions", {}) for each in _contexts(pod)]
    return any(each.get("type", "") not in SELINUX_TYPES or each.get("user") or each.get("role") for each in options)


def _added(pod: Part) -> set[str]:
    return {name for each in _own(pod) for name in each.get("capabilities", {}).get("add", [])}


def _seccomp(pod: Part) -> list[str]:
    return [(each or {}).get("type", "") for each in _settled(pod, "seccompProfile")]


BASELINE: dict[str, Callable[[Part], object]] = {
    "HostProcess": lambda pod: any(each.get("windowsOptions", {}).get("hostProcess") for each in _contexts(pod)),
    "Host Namespaces": lambda pod: any(pod["spec"].get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
    "Privileged Containers": lambda pod: any(each.get("privileged") for each in _own(pod)),
    "Capabilities": lambda pod: _added(pod) - CAPABILITIES,
    "HostPath Volumes": lambda pod: any("hostPath" in each for each in pod["spec"].get("volumes", [])),
    "Host Ports": lambda pod: any(port.get("hostPort") for each in containers(pod) for port in each.get("ports", [])),
    "Host Probes / Lifecycle Hooks": lambda pod: any(_hosts_asked(pod)),
    "AppArmor": _apparmor,
    "SELinux": _selinux,
    "/proc Mount Type": lambda pod: any(each.get("procMount", "Default") != "Default" for each in _own(pod)),
    "Seccomp": lambda pod: any(
        each.get("seccompProfile", {}).get("type", "RuntimeDefault") not in CONFINED for each in _contexts(pod)
    ),
    "Sysctls": lambda pod: {each["name"] for each in _contexts(pod)[0].get("sysctls", [])} - SYSCTLS,
}
RESTRICTED: dict[str, Callable[[Part], object]] = {
    **BASELINE,
    "Volume Types": lambda pod: any(not VOLUMES & each.keys() for each in pod["spec"].get("volumes", [])),
    "Privilege Escalation": lambda pod: any(each.get("allowPrivilegeEscalation") is not False for each in _own(pod)),
    "Running as Non-root": lambda pod: any(each is not True for each in _settled(pod, "runAsNonRoot")),
    "Running as Non-root user": lambda pod: any(each.get("runAsUser") == 0 for each in _contexts(pod)),
    "Seccomp": lambda pod: not CONFINED.issuperset(_seccomp(pod)) or BASELINE["Seccomp"](pod),
    "Capabilities": lambda pod: (
        _added(pod) - {"NET_BIND_SERVICE"}
        or any("ALL" not in each.get("capabilities", {}).get("drop", []) for each in _own(pod))
    ),
}
LEVELS = {"privileged": {}, "baseline": BASELINE, "restricted": RESTRICTED}


def broken(pod: Part, level: str) -> set[str]:
    """Return the names of the controls of a level that refuse a pod."""
    return {name for name, refuses in LEVELS[level].items() if refuses(pod)}
