"""The programs of Debian that we are held against: installed when they are missing and we may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def need(program: str, package: str) -> None:
    """See to it that a program is there, or say what to install."""
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"bench: we are held against {package}: sudo apt install {package}")
    print(f"installing {package}", file=sys.stderr)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, check=True, env=environ, stdout=subprocess.DEVNULL)
    _end_service(package)


def _end_service(package: str) -> None:
    """Stop what the package has started, now and at the next boot: only the program is wanted."""
    for command in (["service", package, "stop"], ["update-rc.d", package, "disable"]):
        if shutil.which(command[0]):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
