"""MiniMQ: the client's names, each imported when it is first asked for.

``import mq.frame`` therefore brings neither ZeroMQ nor anything else that a format does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mq.client.ack import Ack as Ack
    from mq.client.last import last_values as last_values
    from mq.client.message import Batch as Batch
    from mq.client.message import Message as Message
    from mq.client.producer import Producer as Producer
    from mq.client.push import Push as Push
    from mq.client.replay import Replay as Replay
    from mq.client.replay import replay as replay
    from mq.client.shared import SharedConsumer as SharedConsumer
    from mq.client.subscriber import Subscriber as Subscriber
    from mq.errors import Disconnected as Disconnected
    from mq.errors import Gap as Gap
    from mq.errors import MqError as MqError
    from mq.errors import Refused as Refused
    from mq.errors import Rewound as Rewound
    from mq.errors import TimedOut as TimedOut
    from mq.errors import TooLarge as TooLarge
    from mq.errors import Trimmed as Trimmed

_HOMES = {
    "Ack": "mq.client.ack",
    "Batch": "mq.client.message",
    "Disconnected": "mq.errors",
    "Gap": "mq.errors",
    "Message": "mq.client.message",
    "MqError": "mq.errors",
    "Producer": "mq.client.producer",
    "Push": "mq.client.push",
    "Refused": "mq.errors",
    "Replay": "mq.client.replay",
    "Rewound": "mq.errors",
    "SharedConsumer": "mq.client.shared",
    "Subscriber": "mq.client.subscriber",
    "TimedOut": "mq.errors",
    "TooLarge": "mq.errors",
    "Trimmed": "mq.errors",
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
