"""MiniMQ: the client's names, each imported when it is first asked for.

``import mq.frame`` therefore brings neither ZeroMQ nor anything else that a format does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mq.client.ack import Ack as Ack
    from mq.client.ack import Stored as Stored
    from mq.client.last import last_values as last_values
    from mq.client.message import Batch as Batch
    from mq.client.message import Message as Message
    from mq.client.producer import Producer as Producer
    from mq.client.push import Push as Push
    from mq.client.replay import Replay as Replay
    from mq.client.replay import replay as replay
    from mq.client.shared import SharedConsumer as SharedConsumer
    from mq.client.spool_losses import SpoolState as SpoolState
    from mq.client.subscriber import Subscriber as Subscriber
    from mq.errors import BadEndpoint as BadEndpoint
    from mq.errors import BadName as BadName
    from mq.errors import BadPattern as BadPattern
    from mq.errors import BadPoint as BadPoint
    from mq.errors import BadTopic as BadTopic
    from mq.errors import Closed as Closed
    from mq.errors import CodecMissing as CodecMissing
    from mq.errors import Disconnected as Disconnected
    from mq.errors import FrameRefused as FrameRefused
    from mq.errors import Gap as Gap
    from mq.errors import MqError as MqError
    from mq.errors import NotStored as NotStored
    from mq.errors import Refused as Refused
    from mq.errors import Rewound as Rewound
    from mq.errors import SpoolDropped as SpoolDropped
    from mq.errors import SpoolHeld as SpoolHeld
    from mq.errors import SpoolUnusable as SpoolUnusable
    from mq.errors import StillSpooled as StillSpooled
    from mq.errors import TimedOut as TimedOut
    from mq.errors import TooLarge as TooLarge
    from mq.errors import Trimmed as Trimmed
    from mq.errors import Unreachable as Unreachable

_HOMES = {
    "Ack": "mq.client.ack",
    "BadEndpoint": "mq.errors",
    "BadName": "mq.errors",
    "BadPattern": "mq.errors",
    "BadPoint": "mq.errors",
    "BadTopic": "mq.errors",
    "Batch": "mq.client.message",
    "Closed": "mq.errors",
    "CodecMissing": "mq.errors",
    "Disconnected": "mq.errors",
    "FrameRefused": "mq.errors",
    "Gap": "mq.errors",
    "Message": "mq.client.message",
    "MqError": "mq.errors",
    "NotStored": "mq.errors",
    "Producer": "mq.client.producer",
    "Push": "mq.client.push",
    "Refused": "mq.errors",
    "Replay": "mq.client.replay",
    "Rewound": "mq.errors",
    "SharedConsumer": "mq.client.shared",
    "SpoolDropped": "mq.errors",
    "SpoolHeld": "mq.errors",
    "SpoolState": "mq.client.spool_losses",
    "SpoolUnusable": "mq.errors",
    "StillSpooled": "mq.errors",
    "Stored": "mq.client.ack",
    "Subscriber": "mq.client.subscriber",
    "TimedOut": "mq.errors",
    "TooLarge": "mq.errors",
    "Trimmed": "mq.errors",
    "Unreachable": "mq.errors",
    "last_values": "mq.client.last",
    "replay": "mq.client.replay",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - every key is a string


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mq' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
