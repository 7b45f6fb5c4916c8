"""What a collector is told: by options, else by the environment, the earlier MiniMQ's variables among them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collectors.readers import METRICS
from collectors.sample import topic_of
from mq.client.endpoint import parse_endpoint
from mq.errors import BadEndpoint, BadSetting
from mq.protocol import PORT_CONTROL
from mq.topic import segment_of

BROKER_DEFAULT = f"tcp://127.0.0.1:{PORT_CONTROL}"  # as in mq.config, which would bring a TOML parser along
HOST_PROC = ("/host/proc", "/host_proc")
INTERVAL_S_MIN, INTERVAL_S_MAX = 0.1, 86_400.0
PUSH, ACKED = DELIVERIES = ("push", "acked")
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"", "0", "false", "no", "off"})
_HTTP = re.compile(r"https?://(?:[^/@]*@)?(\[[0-9a-fA-F:.]+\]|[^/@:\s]+)(?::\d*)?(?:/.*)?")
_BETWEEN_METRICS = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Given:
    """What was said on the command line; nothing where the environment or a default is to decide."""

    metrics: tuple[str, ...] = ()
    node: str | None = None
    broker: str | None = None
    interval: str | None = None
    delivery: str | None = None
    spool: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Which metrics of which node go to which broker, how often, and from which /proc (None: this one's).

    With a `spool`, a directory, they are acknowledged, and wait there until they are; without they are pushed.
    """

    metrics: tuple[str, ...]
    node: str
    broker: str
    interval_s: float | None
    proc: str | None
    spool: str | None = None


def read_settings(given: Given, environ: Mapping[str, str], mounts: Sequence[str] = HOST_PROC) -> Settings:
    """Settle each setting: the option, else the environment, else a default. Raises `BadSetting`, `BadTopic`."""
    metrics = _metrics(given, environ)
    node = given.node or environ.get("NODE_NAME") or segment_of(os.uname().nodename)
    if "/" in node:
        raise BadSetting("node", "--node or NODE_NAME", f"{node!r} holds a '/', which would make another topic of it")
    for metric in metrics:
        topic_of(node, metric)
    broker, interval_s = _broker(given, environ), _interval(given, environ)
    return Settings(metrics, node, broker, interval_s, _proc(environ, mounts), _spool(given, environ, node, metrics))


def _metrics(given: Given, environ: Mapping[str, str]) -> tuple[str, ...]:
    said = " ".join(given.metrics) or environ.get("METRIC_TYPE", "")
    named = tuple(filter(None, _BETWEEN_METRICS.split(said))) or tuple(METRICS)
    for metric in named:
        if metric not in METRICS:
            raise BadSetting("metric", "the arguments or METRIC_TYPE", f"no {metric!r} here, only {', '.join(METRICS)}")
    return tuple(dict.fromkeys(named))


def _broker(given: Given, environ: Mapping[str, str]) -> str:
    """Return the control endpoint; of an old http://HOST:PORT the host is taken, with the port of today."""
    said = {"--broker": given.broker, **{name: environ.get(name) for name in ("BROKER_URL", "MINIMQ_BROKER")}}
    place, endpoint = next(((place, it) for place, it in said.items() if it), ("the default", BROKER_DEFAULT))
    if old := _HTTP.fullmatch(endpoint):
        endpoint = f"tcp://{old[1]}:{PORT_CONTROL}"
    try:
        parse_endpoint(endpoint)
    except BadEndpoint as error:
        raise BadSetting("broker", place, str(error)) from None
    return endpoint


def _interval(given: Given, environ: Mapping[str, str]) -> float | None:
    text = given.interval or environ.get("INTERVAL_SECONDS")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        raise BadSetting("interval", "--interval or INTERVAL_SECONDS", f"{text!r} is not a number") from None
    if not INTERVAL_S_MIN <= seconds <= INTERVAL_S_MAX:
        bounds = f"{INTERVAL_S_MIN:g} to {INTERVAL_S_MAX:g}"
        raise BadSetting("interval", "--interval or INTERVAL_SECONDS", f"{seconds:g} s is not within {bounds}")
    return seconds


def _proc(environ: Mapping[str, str], mounts: Sequence[str]) -> str | None:
    mode = environ.get("HOST_MODE", "").strip().lower()
    if mode in FALSE:
        return None
    if mode not in TRUE:
        raise BadSetting("HOST_MODE", "the environment", f"{mode!r} is neither true nor false")
    found = next((path for path in mounts if os.path.isfile(f"{path}/stat")), None)
    if found is None:
        raise BadSetting("HOST_MODE", "the environment", f"mount the host's /proc at {mounts[0]}, read-only")
    return found


def _spool(given: Given, environ: Mapping[str, str], node: str, metrics: Sequence[str]) -> str | None:
    """Return the spool's directory where samples are to be acknowledged: each collector of a machine has its own."""
    delivery = given.delivery or environ.get("DELIVERY") or PUSH
    if delivery not in DELIVERIES:
        raise BadSetting("delivery", "--delivery or DELIVERY", f"{delivery!r} is neither {PUSH} nor {ACKED}")
    directory = given.spool or environ.get("SPOOL_DIR")
    if delivery == PUSH:
        if given.spool:
            raise BadSetting("spool", "--spool", f"what is pushed is not spooled: say --delivery {ACKED} too")
        return None
    if directory:
        return directory
    state = environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state, "minimq", "spool", "-".join([node, *metrics]))
