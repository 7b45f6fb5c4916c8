"""The table: all that a gateway answers."""

from __future__ import annotations

from mq.client.consumer import check_name
from mq.errors import BadTopic
from mq.gateway import earlier, events, health, metrics, v1
from mq.gateway.lines import NDJSON
from mq.gateway.moments import moment_of
from mq.gateway.problems import (
    AWAY,
    BAD_REQUEST,
    BUG,
    ENCODING,
    FOREIGN,
    FULL,
    HELD,
    NOT_FOUND,
    OVERLOADED,
    REFUSED,
    RESERVED,
    SHARED,
    SLOW,
    TOO_LARGE,
    UNKNOWN,
    UPGRADE,
)
from mq.gateway.schemas import NAME, OFFSET, OFFSET_MAX, PATTERN, TIME, TOPIC, ref
from mq.gateway.table import Operation, Parameter, one_of, whole_number
from mq.topic import Pattern, encode_topic

PAGE_RECORDS, PAGE_RECORDS_MAX = 100, 1_000
PLACE_MAX = 200
EVERYWHERE = (BAD_REQUEST, FOREIGN, BUG, REFUSED, AWAY, OVERLOADED)
STORING = (RESERVED, SLOW, TOO_LARGE, ENCODING, UNKNOWN, FULL)
TEXT = {"type": "string"}
BINARY = {"type": "string", "format": "binary"}


def _topic(text: str) -> str:
    encode_topic(text)
    return text


def _pattern(text: str) -> str:
    """Read a pattern; a blank is the plus that it was before a query was made of it."""
    return Pattern.parse(text.replace(" ", "+")).text


def _name(text: str) -> str:
    check_name(text)
    return text


def _place(text: str) -> str:
    if len(text) > PLACE_MAX:
        raise ValueError(f"this is no place in a list: it is longer than {PLACE_MAX}")
    return text


def _old_name(text: str) -> str:
    """Read a topic of old. Raises `BadTopic`."""
    if len(text) > len("host//") + 200:
        raise BadTopic(text[:220])
    return text


TOPIC_IN_PATH = Parameter(
    "topic", "The topic; its slashes as they are, or as %2F.", TOPIC, _topic, required=True, where="path",
    example="host/node1/cpu",
)  # fmt: skip
MATCHING = Parameter(
    "pattern", "Which topics: `+` is one segment, a last `#` (%23 in a query) the rest.", PATTERN, _pattern, "#",
    example="host/#",
)  # fmt: skip
AFTER = Parameter("after", "The last page's `after`.", {"type": "string", "maxLength": PLACE_MAX}, _place)
LIMIT = Parameter(
    "limit", "At most so many.",
    {"type": "integer", "minimum": 1, "maximum": PAGE_RECORDS_MAX, "default": PAGE_RECORDS},
    whole_number(1, PAGE_RECORDS_MAX), PAGE_RECORDS,
)  # fmt: skip
FROM_OFFSET = Parameter("offset", "From this offset on.", OFFSET, whole_number(0, OFFSET_MAX), 0)
FROM_TIME = Parameter(
    "time", "From what was appended at this time on: ISO 8601 (UTC unless it says otherwise), seconds (or ms, µs, ns, "
    "by the number of digits) since 1970, or so long ago, as `-15m`.", TIME, moment_of, example="-15m",
)  # fmt: skip
UNTIL = Parameter("until", "Only what was appended before this time.", TIME, moment_of)
STREAMED_FROM = (
    Parameter(
        "offset", "From this offset on, in each topic; without a start: live.", OFFSET, whole_number(0, OFFSET_MAX)
    ),
    FROM_TIME,
    Parameter("last_event_id", "As the header Last-Event-ID, for who cannot set one.", {"type": "string"}),
)

PUBLISH = Operation(
    "POST", "/v1/topics/{topic:path}/records", "publish", "Publish records",
    "One record, the body as it is: JSON, text or bytes. Or many, as NDJSON: each line a record, all checked before "
    "the first is stored. The answer comes once they are stored as safely as `durability` says.",
    v1.publish,
    (
        TOPIC_IN_PATH,
        Parameter(
            "durability", "`durable`: on the disk; `written`: survives the broker's death, not a power cut.",
            {"enum": ["durable", "written"], "default": "durable"}, one_of("durable", "written"), "durable",
        ),
    ),
    {"application/json": {}, NDJSON[0]: {"type": "string"}, "text/plain": {"type": "string"}, v1.UNSAID: BINARY},
    201, {"application/json": ref("Stored")}, problems=(*EVERYWHERE, *STORING),
    example="""curl -d '{"done": true}' -H 'Content-Type: application/json' URL/v1/topics/notes/records""",
)  # fmt: skip

READ = Operation(
    "GET", "/v1/topics/{topic:path}/records", "read", "Read records",
    "A page of what the journal holds, in order. `missing` says what cannot be had: `trimmed` (no longer kept), "
    "`damaged`, or `beyond` the topic's end. With `offset` and `time` the later of both holds.",
    v1.records, (TOPIC_IN_PATH, FROM_OFFSET, FROM_TIME, UNTIL, LIMIT),
    answers={"application/json": ref("Page")}, problems=EVERYWHERE,
    example="curl 'URL/v1/topics/notes/records?time=-15m&limit=10'",
)  # fmt: skip

LAST = Operation(
    "GET", "/v1/last", "last", "Last values", "The last record of each topic.",
    v1.last, (MATCHING, AFTER, LIMIT), answers={"application/json": ref("LastRecords")}, problems=EVERYWHERE,
    example="curl 'URL/v1/last?pattern=host/+/cpu'",
)  # fmt: skip

TOPICS = Operation(
    "GET", "/v1/topics", "topics", "Topics", "What the journal holds: records, bytes, first and last offset and time.",
    v1.list_topics, (MATCHING, AFTER, LIMIT), answers={"application/json": ref("Topics")}, problems=EVERYWHERE,
    example="curl URL/v1/topics",
)  # fmt: skip

CONSUMERS = Operation(
    "GET", "/v1/consumers", "consumers", "Consumers", "Who reads on under a name, and how far behind.",
    v1.list_consumers, (AFTER, LIMIT), answers={"application/json": ref("Consumers")}, problems=EVERYWHERE,
    example="curl URL/v1/consumers",
)  # fmt: skip

CONSUMER = Operation(
    "GET", "/v1/consumers/{consumer}", "consumer", "One consumer", "Its position and lag in each topic.",
    v1.consumer, (Parameter("consumer", "Its name.", NAME, _name, required=True, where="path"), AFTER, LIMIT),
    answers={"application/json": ref("Standings")}, problems=(*EVERYWHERE, NOT_FOUND),
    example="curl URL/v1/consumers/web-ui",
)  # fmt: skip

STREAM = Operation(
    "GET", "/v1/stream", "stream", "Stream records",
    "Server-sent events: history from the start that is asked for, then live; each record once, in its topic's order. "
    "What cannot be had is an event `missing`, what ends the stream an event `problem`. An event's `id`, given back as "
    "Last-Event-ID, resumes behind it.",
    events.sse, (MATCHING, *STREAMED_FROM), answers={"text/event-stream": {"type": "string"}}, problems=EVERYWHERE,
    example="curl -N 'URL/v1/stream?pattern=host/%23&time=-1m'",
)  # fmt: skip

SOCKET = Operation(
    "GET", "/v1/socket", "socket", "Stream records over a WebSocket",
    "The same for a WebSocket: text messages, each JSON with `id`, `event` and `data`. What is sent to it is ignored. "
    "Without an upgrade: 426.",
    events.upgrade, (MATCHING, *STREAMED_FROM), status=101, none="The WebSocket is open",
    problems=(*EVERYWHERE, UPGRADE),
)  # fmt: skip

PRODUCE = Operation(
    "POST", "/produce", "produce", "Store a message",
    "As with the earlier MiniMQ. A number for `<node>-<metric>` (cpu, mem, disk, net) becomes a sample of "
    "`host/<node>/<metric>`; other names are topics as they are.",
    earlier.produce, bodies={"application/json": ref("Produce")}, status=201, none="It is stored",
    problems=(*EVERYWHERE, *STORING), tag="earlier",
    example="""curl -d '{"topic": "node1-cpu", "message": "42.5"}' URL/produce""",
)  # fmt: skip

CONSUME = Operation(
    "GET", "/consume", "consume", "The next message",
    "As with the earlier MiniMQ. The consumer begins at the oldest message kept, and moves on by one. Its place "
    "survives restarts, and two requests never get the same message. 204: there is none yet.",
    earlier.consume,
    (
        Parameter("topic", "A topic, or `<node>-<metric>`.", TOPIC, _old_name, required=True, example="node1-cpu"),
        Parameter("consumer_id", "Whose next message: a name.", NAME, _name, required=True, example="web-ui"),
    ),
    answers={"application/json": ref("Message")}, none="There is no message yet",
    problems=(*EVERYWHERE, HELD, SHARED, FULL), tag="earlier",
    example="curl 'URL/consume?topic=node1-cpu&consumer_id=me'",
)  # fmt: skip

NODES = Operation(
    "GET", "/nodes", "nodes", "Nodes", "The names of nodes that have reported, old and new, each once.",
    earlier.nodes, answers={"application/json": ref("Nodes")}, problems=EVERYWHERE, tag="earlier",
    example="curl URL/nodes",
)  # fmt: skip

HEALTHZ = Operation(
    "GET", "/healthz", "healthz", "Alive", "Answers as long as the gateway runs.",
    health.healthz, answers={"application/json": ref("Health")}, problems=(BAD_REQUEST, FOREIGN, BUG), tag="health",
)  # fmt: skip
READYZ = Operation(
    "GET", "/readyz", "readyz", "Ready", "200 when all is well; 503, and what is wrong, when something is not.",
    health.readyz, answers={"application/json": ref("Health")}, unwell="Something is wrong",
    problems=(BAD_REQUEST, FOREIGN, BUG), tag="health",
)  # fmt: skip

METRICS = Operation(
    "GET", "/metrics", "metrics", "Metrics for Prometheus",
    "What the broker's own `/metrics` says, and of a process what the gateway's is. Goes over all topics.",
    metrics.metrics, answers={"text/plain": TEXT, "application/openmetrics-text": TEXT},
    problems=EVERYWHERE, tag="health", example="curl URL/metrics",
)  # fmt: skip

OPERATIONS = (
    *(PUBLISH, READ, LAST, TOPICS, CONSUMERS, CONSUMER, STREAM, SOCKET),
    *(PRODUCE, CONSUME, NODES, HEALTHZ, READYZ, METRICS),
)
