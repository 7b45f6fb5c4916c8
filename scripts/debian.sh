#!/bin/sh
# What tests need beside Python: the browser that they drive, the one library that its driver lacks on a bare Debian,
# curl, which the pages show, strace, which makes system calls fail, ip and iptables, which make networks and let them
# fail, and Prometheus with its promtool. Installed when it is missing and we may.
set -eu
packages="chromium curl fonts-dejavu-core libatomic1 strace iproute2 iptables prometheus"
there() {
    command -v chromium && command -v curl && command -v strace && command -v ip && command -v iptables-restore && \
        command -v prometheus && \
        .venv/bin/python -c 'import ctypes; ctypes.CDLL("libatomic.so.1")'
}

there >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "minimq: installing $packages, for the tests"
    prometheus_was=$(command -v prometheus >/dev/null && echo there || echo missing)
    apt-get update -qq
    # shellcheck disable=SC2086 - these are several words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    # Of a Prometheus that was not there only the program is wanted, and not the service that the package starts.
    if [ "$prometheus_was" = missing ]; then
        service prometheus stop >/dev/null 2>&1 || true
        systemctl disable prometheus >/dev/null 2>&1 || true
    fi
    exit 0
fi
echo "minimq: the tests need Chromium, curl, strace, ip, iptables and Prometheus: sudo apt install $packages" >&2
exit 1
