"""Names: ``<node>-<metric>`` of old is ``host/<node>/<metric>``, any other a topic as it is; and a gateway's own."""

from __future__ import annotations

from typing import NamedTuple

from mq.client.consumer import label
from mq.errors import BadTopic
from mq.protocol import LABEL_MAX
from mq.topic import encode_topic

METRICS = ("cpu", "mem", "disk", "net")
NODES = "nodes"


class Place(NamedTuple):
    """A topic, and of which node's metric it holds samples, where it does so under an old name."""

    topic: str
    node: str = ""
    metric: str = ""


def own_label() -> str:
    """Return what a gateway calls itself at the broker, for people: they ask who holds a name, and who listens."""
    return f"gateway {label()}"[:LABEL_MAX]


def place_of(name: str) -> Place:
    """Return where a name of old leads. Raises `BadTopic`, with the name as it was given."""
    node, dash, metric = name.rpartition("-")
    old = bool(dash and node) and metric in METRICS and "/" not in node
    topic = f"host/{node}/{metric}" if old else name
    try:
        encode_topic(topic)
    except BadTopic:
        raise BadTopic(name) from None
    return Place(topic, node, metric) if old else Place(topic)
