#!/bin/sh
# The browser that tests drive: from Debian's packages, installed when it is missing and we may.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "minimq: installing chromium, for the tests of the page"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
    exit 0
fi
echo "minimq: the tests of the page need Chromium: sudo apt install chromium" >&2
exit 1
