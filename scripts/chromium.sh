#!/bin/sh
# The browser that tests drive, and the one library that its driver lacks on a bare Debian: installed when they are
# missing and we may.
set -eu
packages="chromium fonts-dejavu-core libatomic1"
there() { command -v chromium && .venv/bin/python -c 'import ctypes; ctypes.CDLL("libatomic.so.1")'; }

there >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "minimq: installing $packages, for the tests of the page"
    apt-get update -qq
    # shellcheck disable=SC2086 - these are several words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    exit 0
fi
echo "minimq: the tests of the page need Chromium: sudo apt install $packages" >&2
exit 1
