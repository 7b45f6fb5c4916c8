"""What a collector is told: by options, else by the environment, the earlier MiniMQ's variables among them."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from collectors.readers import METRICS
from collectors.sample import topic_of
from mq.client.endpoint import parse_endpoint
from mq.config import BROKER_DEFAULT
from mq.errors import BadEndpoint, BadSetting
from mq.protocol import PORT_CONTROL
from mq.topic import segment_of

HOST_PROC = ("/host/proc", "/host_proc")
INTERVAL_S_MIN, INTERVAL_S_MAX = 0.1, 86_400.0
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Which metrics of which node go to which broker, how often, and from which /proc (None: this one's)."""

    metrics: tuple[str, ...]
    node: str
    broker: str
    interval_s: float | None
    proc: str | None


def read_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read options and environment. Raises `BadSetting`, `BadEndpoint`, `BadTopic`; a wrong option ends the program."""
    options = _parser().parse_args(arguments)
    named = options.metrics or environ.get("METRIC_TYPE", "").split() or list(METRICS)
    for metric in named:
        if metric not in METRICS:
            raise BadSetting("metric", "the arguments or METRIC_TYPE", f"no {metric!r} here, only {', '.join(METRICS)}")
    node = options.node or environ.get("NODE_NAME") or segment_of(platform.node())
    for metric in named:
        topic_of(node, metric)
    if "/" in node:
        raise BadSetting("node", "--node or NODE_NAME", f"{node!r} holds a '/', which would make another topic of it")
    return Settings(
        tuple(dict.fromkeys(named)), node, _broker(options.broker, environ), _interval(options, environ), _proc(environ)
    )


def _broker(option: str | None, environ: Mapping[str, str]) -> str:
    """Return the control endpoint; of an old http://HOST:PORT the host is taken, with the port of today."""
    given = option or environ.get("BROKER_URL") or environ.get("MINIMQ_BROKER") or BROKER_DEFAULT
    if given.startswith(("http://", "https://")):
        host = urlsplit(given).hostname
        if not host:
            raise BadEndpoint(f"{given!r} names no host: use tcp://HOST:{PORT_CONTROL}")
        given = f"tcp://[{host}]:{PORT_CONTROL}" if ":" in host else f"tcp://{host}:{PORT_CONTROL}"
    parse_endpoint(given)
    return given


def _interval(options: argparse.Namespace, environ: Mapping[str, str]) -> float | None:
    text = options.interval or environ.get("INTERVAL_SECONDS")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        raise BadSetting("interval", "--interval or INTERVAL_SECONDS", f"{text!r} is not a number") from None
    if not INTERVAL_S_MIN <= seconds <= INTERVAL_S_MAX:
        bounds = f"{INTERVAL_S_MIN:g} to {INTERVAL_S_MAX:g}"
        raise BadSetting("interval", "--interval or INTERVAL_SECONDS", f"{seconds:g} s is not within {bounds}")
    return seconds


def _proc(environ: Mapping[str, str]) -> str | None:
    mode = environ.get("HOST_MODE", "").strip().lower()
    if mode in FALSE:
        return None
    if mode not in TRUE:
        raise BadSetting("HOST_MODE", "the environment", f"{mode!r} is neither true nor false")
    found = next((path for path in HOST_PROC if os.path.isfile(f"{path}/stat")), None)
    if found is None:
        raise BadSetting("HOST_MODE", "the environment", f"mount the host's /proc at {HOST_PROC[0]}, read-only")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collectors",
        description="Read this host's metrics and push them to a MiniMQ broker, until Ctrl-C.",
        epilog="The environment: MINIMQ_BROKER, NODE_NAME, METRIC_TYPE, INTERVAL_SECONDS, BROKER_URL, HOST_MODE.",
    )
    parser.add_argument("metrics", nargs="*", metavar="METRIC", help=f"which: {', '.join(METRICS)}; all without one")
    parser.add_argument("--node", help="this host's name on the page; its own by default")
    parser.add_argument("--broker", metavar="ENDPOINT", help=f"the broker's control port, {BROKER_DEFAULT} by default")
    parser.add_argument("--interval", metavar="SECONDS", help="between samples; by metric if not given")
    return parser
