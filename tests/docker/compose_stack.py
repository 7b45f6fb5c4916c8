"""What docker-compose.yml describes, as a project of its own on free ports, with whatever Docker is on the PATH."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
IMAGE = "minimq-test"
METRICS = ("cpu", "mem", "disk", "net")
SERVICES = ("broker", "gateway", "viewer", *(f"collector-{metric}" for metric in METRICS))
PORTS = ("INGEST", "LIVE", "CONTROL", "OPS", "PAGE", "GATEWAY")
COMMAND_S_MAX = 120
BUILD_S_MAX = 900
HEALTHY_S_MAX = 120
OURS = ("MINIMQ_", "COMPOSE_", "NODE_NAME", "INTERVAL_SECONDS")


class Stack:
    """Nothing that somebody has set, in the environment or in a file .env, reaches it."""

    def __init__(self, project: str, **settings: str) -> None:
        self.ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self._command = ["docker", "compose", "--env-file", os.devnull, "--project-name", project]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        chosen = {f"MINIMQ_{name}_PORT": str(port) for name, port in self.ports.items()}
        self._environ = {"DOCKER_BUILDKIT": _builder(kept), **kept, "MINIMQ_IMAGE": IMAGE, **chosen, **settings}

    @property
    def control(self) -> str:
        """Where programs of this machine find the broker."""
        return f"tcp://127.0.0.1:{self.ports['CONTROL']}"

    @property
    def page(self) -> str:
        """Where browsers of this machine find the page."""
        return f"http://localhost:{self.ports['PAGE']}/"

    def compose(self, *arguments: str, seconds: float = COMMAND_S_MAX) -> str:
        """Run a command of Compose, and return what it prints."""
        return _run([*self._command, *arguments], self._environ, seconds)

    def docker(self, *arguments: str) -> str:
        """Run a command of Docker, and return what it prints."""
        return _run(["docker", *arguments], self._environ, COMMAND_S_MAX)

    def build(self) -> None:
        """Build the image; the first time everything is installed into it."""
        self.compose("build", seconds=BUILD_S_MAX)

    def up(self) -> None:
        """Start what is not there, and come back when all is healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(HEALTHY_S_MAX), seconds=2 * HEALTHY_S_MAX)

    def down(self, *options: str) -> None:
        """Take the containers away."""
        self.compose("down", *options)

    def inside(self, service: str, *command: str) -> str:
        """Run a program in the container of a service, and return what it prints."""
        return self.compose("exec", "--no-TTY", service, *command)

    def state(self, service: str) -> dict[str, Any]:
        """Return what Docker knows of the container of a service, also when that has stopped."""
        container = self.compose("ps", "--all", "--quiet", service).strip()
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", container))
        return found[0]

    def kill(self, service: str) -> None:
        """Kill all that a container runs, as the kernel might: 'docker kill' would be taken for somebody's wish.

        No root is needed for it: who runs under the same number may.
        """
        main = self.state(service)["State"]["Pid"]
        killing = f"import os, signal; os.kill({main}, signal.SIGKILL)"
        self.docker("run", "--rm", "--pid", "host", "--entrypoint", "python", IMAGE, "-c", killing)


def need_docker(fail: Callable[[str], Any]) -> None:
    """Fail with one sentence where there is no Docker to test with."""
    if shutil.which("docker") is None:
        fail("needs Docker: there is no 'docker' on the PATH")
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            _run(command, dict(os.environ), COMMAND_S_MAX)
        except AssertionError as error:
            fail(f"needs a Docker engine that runs, and Compose: {error}")


def _run(command: list[str], environ: dict[str, str], seconds: float) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _builder(environ: dict[str, str]) -> str:
    """Return "1" where the newer builder is installed, else "0" for the older one."""
    try:
        _run(["docker", "buildx", "version"], environ, COMMAND_S_MAX)
    except AssertionError:
        return "0"
    return "1"


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
