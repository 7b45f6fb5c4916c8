#!/bin/sh
# Makes .venv, if it is not there, and installs this project into it with the extras named: scripts/venv.sh dev
set -eu
python=${PYTHON:-python3}

fail() { echo "minimq: $*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "there is no $python: install Python 3.11 or later, or name one with PYTHON="
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$("$python" --version) is too old: Python 3.11 or later is needed"

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian keeps these two in a package of their own.
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            echo "minimq: installing $package"
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
        else
            fail "this Python cannot make virtual environments: sudo apt install $package"
        fi
    fi
    rm -rf .venv
    "$python" -m venv .venv
fi

echo "minimq: installing into .venv (a minute or two the first time)"
# The second variable is the newer pip's, for what builds the package.
PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
    .venv/bin/python -m pip install --quiet --editable ".[$1]"
