"""The network: how many bytes come and go."""

from __future__ import annotations

import re
import time
from fnmatch import translate

from collectors.readers.rates import Clock, Rates
from collectors.readers.reader import Psutil, Reader
from collectors.sample import Detail, Reading, Row

INTERFACES_MAX = 64

# No bytes leave the host by these, or the same bytes are counted at the interface below. An interface that is called
# otherwise counts. Of a bond its members count.
NOT_REAL = (
    *("lo", "dummy*", "ifb*", "nlmon*"),
    *("veth*", "docker*", "podman*", "br-*", "br[0-9]*", "lxcbr*", "lxdbr*"),  # containers
    *("cni*", "flannel*", "cali*", "cilium*", "lxc*", "weave*", "kube-*", "nodelocaldns*"),  # Kubernetes
    *("virbr*", "vnet*", "tap*", "vmbr*", "fwbr*", "fwln*", "fwpr*", "ovs-*"),  # virtual machines
    *("tun*", "wg*", "tailscale*", "zt*", "vxlan*", "geneve*", "genev_sys*"),  # tunnels
    *("gre*", "erspan*", "sit[0-9]*", "tunl*", "ip6tnl*", "ip6gre*", "ip_vti*", "ip6_vti*"),  # tunnels of the kernel
    *("bond*", "team*", "vlan*", "*.[0-9]*", "macvlan*", "macvtap*", "ipvlan*"),  # other faces of a real one
)
_NOT_REAL = re.compile("|".join(map(translate, NOT_REAL)))


def reader(psutil: Psutil, clock: Clock = time.monotonic) -> Reader:
    """Return a reader of the network: bytes/s since the reading before, of all real interfaces, both ways together."""
    rates = Rates(_counters(psutil), clock)

    def read() -> Reading:
        moved = rates.per_second(_counters(psutil))
        received, sent = sum(into for into, _ in moved.values()), sum(out for _, out in moved.values())
        rows: list[Row] = [{"name": name, "received": into, "sent": out} for name, (into, out) in moved.items()]
        detail: dict[str, Detail] = {"received": received, "sent": sent, "interfaces": rows[:INTERFACES_MAX]}
        return Reading(received + sent, "B/s", detail)

    return read


def _counters(psutil: Psutil) -> dict[str, tuple[int, int]]:
    interfaces = psutil.net_io_counters(pernic=True, nowrap=False) or {}
    return {
        name: (each.bytes_recv, each.bytes_sent) for name, each in interfaces.items() if not _NOT_REAL.fullmatch(name)
    }
