"""Control messages: what travels on the ROUTER beside frames, one msgpack map a message.

A map's first byte is 0x80 or above, a frame's below it, so the two cannot be mistaken for each other. ``op`` names the
message; the other keys are the fields below, by their names. Whoever receives one calls `decode`, which checks every
field; unknown keys are ignored, so that fields can be added. ``docs/wire.md`` lists them for other languages.
"""

from __future__ import annotations

from mq.protocol.answers import AccountList as AccountList
from mq.protocol.answers import Acks as Acks
from mq.protocol.answers import Deleted as Deleted
from mq.protocol.answers import Failure as Failure
from mq.protocol.answers import Frames as Frames
from mq.protocol.answers import HeadList as HeadList
from mq.protocol.answers import LastFrames as LastFrames
from mq.protocol.answers import Nack as Nack
from mq.protocol.answers import OffsetFound as OffsetFound
from mq.protocol.answers import StatsReport as StatsReport
from mq.protocol.answers import SubscriberList as SubscriberList
from mq.protocol.answers import TopicList as TopicList
from mq.protocol.answers import Welcome as Welcome
from mq.protocol.consumers import Agreed as Agreed
from mq.protocol.consumers import Commit as Commit
from mq.protocol.consumers import ConsumerList as ConsumerList
from mq.protocol.consumers import Consumers as Consumers
from mq.protocol.consumers import DeleteConsumer as DeleteConsumer
from mq.protocol.consumers import Join as Join
from mq.protocol.consumers import Lease as Lease
from mq.protocol.consumers import Leased as Leased
from mq.protocol.consumers import Leave as Leave
from mq.protocol.consumers import PositionList as PositionList
from mq.protocol.consumers import Positions as Positions
from mq.protocol.consumers import ResetConsumer as ResetConsumer
from mq.protocol.consumers import Settle as Settle
from mq.protocol.consumers import Settled as Settled
from mq.protocol.decoding import decode as decode
from mq.protocol.fields import COUNT_MAX as COUNT_MAX
from mq.protocol.fields import CREDIT_BYTES_DEFAULT as CREDIT_BYTES_DEFAULT
from mq.protocol.fields import HANDSHAKE_MS as HANDSHAKE_MS
from mq.protocol.fields import LABEL_MAX as LABEL_MAX
from mq.protocol.fields import PATTERNS_MAX as PATTERNS_MAX
from mq.protocol.fields import PORT_CONTROL as PORT_CONTROL
from mq.protocol.fields import PORT_INGEST as PORT_INGEST
from mq.protocol.fields import PORT_LIVE as PORT_LIVE
from mq.protocol.fields import PORT_OPS as PORT_OPS
from mq.protocol.fields import PROTOCOL as PROTOCOL
from mq.protocol.fields import REPORT_TOPICS_MAX as REPORT_TOPICS_MAX
from mq.protocol.fields import TOPIC_CHARACTERS_MAX as TOPIC_CHARACTERS_MAX
from mq.protocol.fields import TOPICS_MAX as TOPICS_MAX
from mq.protocol.fields import Patterns as Patterns
from mq.protocol.fields import Report as Report
from mq.protocol.fields import TopicNames as TopicNames
from mq.protocol.fields import is_label as is_label
from mq.protocol.message import Control as Control
from mq.protocol.message import is_request as is_request
from mq.protocol.requests import Accounts as Accounts
from mq.protocol.requests import Delete as Delete
from mq.protocol.requests import Fetch as Fetch
from mq.protocol.requests import Heads as Heads
from mq.protocol.requests import Hello as Hello
from mq.protocol.requests import Last as Last
from mq.protocol.requests import OffsetAt as OffsetAt
from mq.protocol.requests import Sampling as Sampling
from mq.protocol.requests import Stats as Stats
from mq.protocol.requests import Subscribers as Subscribers
from mq.protocol.requests import Topics as Topics
