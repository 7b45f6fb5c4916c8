"""The two streams: each record once, in order, from where one was, over whatever happens."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import wsproto
import wsproto.events
from broker_process import BrokerProcess
from conftest import StartGateway
from gateway_process import ANSWER_S_MAX, NDJSON, GatewayProcess
from waiting import eventually

import mq
from mq.client.link import Link

Event = dict[str, str]


@contextmanager
def listening(gateway: GatewayProcess, query: str, last_id: str = "") -> Iterator[Iterator[Event]]:
    """Give the events of a stream, as a browser takes them apart."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", f"/v1/stream?{query}", headers={"Last-Event-ID": last_id} if last_id else {})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield events(response)
    finally:
        connection.close()


def events(response: http.client.HTTPResponse) -> Iterator[Event]:
    """Yield what stands between blank lines."""
    event: Event = {}
    while line := response.readline().decode():
        name, _, value = line.rstrip("\n").partition(": ")
        if name:
            event[name] = value
        elif event:
            yield event
            event = {}


def take(found: Iterator[Event], count: int) -> list[Event]:
    """Return the next records' events."""
    taken: list[Event] = []
    while len(taken) < count:
        event = next(found)
        if "data" in event:
            taken.append(event)
    return taken


def numbers(taken: list[Event]) -> list[Any]:
    """Return the records in events."""
    return [json.loads(each["data"])["body"] for each in taken]


def lines(first: int, stop: int) -> bytes:
    """Return numbers as NDJSON."""
    return b"".join(b"%d\n" % number for number in range(first, stop))


def test_history_comes_first_then_what_comes_live(gateway: GatewayProcess) -> None:
    gateway.publish("t", lines(0, 100), NDJSON)
    with listening(gateway, "pattern=t&offset=10") as found:
        assert numbers(take(found, 90)) == list(range(10, 100))
        gateway.publish("t", lines(100, 110), NDJSON)
        assert numbers(take(found, 10)) == list(range(100, 110))


def test_without_a_start_it_is_live_and_its_first_id_leads_back_there(gateway: GatewayProcess) -> None:
    gateway.publish("t", b"0")
    with listening(gateway, "pattern=%23") as found:
        first = next(found)
    assert "data" not in first
    gateway.publish("t", b"1")
    gateway.publish("new", b"2")
    with listening(gateway, "pattern=%23", first["id"]) as found:
        heard = numbers(take(found, 2))
        if 0 in heard:  # by the broker's clock, as it is known here: a moment before rather than after
            heard += numbers(take(found, 1))
        assert sorted(heard)[-2:] == [1, 2]


def test_an_id_given_back_goes_on_behind_it_topic_by_topic(gateway: GatewayProcess) -> None:
    for topic in ("a/x", "a/y", "a/z"):
        gateway.publish(topic, lines(0, 20), NDJSON)
    got: list[tuple[str, int]] = []
    last_id = ""
    while len(got) < 60:
        with listening(gateway, "pattern=a/%23&offset=0", last_id) as found:
            for event in take(found, 7 if len(got) < 50 else 60 - len(got)):
                record = json.loads(event["data"])
                got.append((record["topic"], record["body"]))
                last_id = event["id"]
    assert sorted(got) == [(topic, number) for topic in ("a/x", "a/y", "a/z") for number in range(20)]
    gateway.publish("a/y", b"20")
    with listening(gateway, f"pattern=a/%23&last_event_id={last_id.replace(' ', '%20')}") as found:
        assert numbers(take(found, 1)) == [20]


def test_a_stream_lives_through_the_brokers_death(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    gateway.publish("t", lines(0, 5), NDJSON)
    with listening(gateway, "pattern=t&offset=0") as found:
        assert numbers(take(found, 5)) == list(range(5))
        broker.kill()
        broker.restart()
        eventually(lambda: gateway.publish("t", lines(5, 10), NDJSON).status == 201)
        assert numbers(take(found, 5)) == list(range(5, 10))


def test_what_cannot_be_had_is_an_event(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    gateway.publish("t", lines(0, 3), NDJSON)
    with Link(broker.control) as link:
        link.delete(["t"])
    gateway.publish("t", b"3")
    with listening(gateway, "pattern=t", "o0 t@1.0") as found:
        missing, record = take(found, 2)
    assert missing["event"] == "missing"
    assert json.loads(missing["data"]) == {"topic": "t", "kind": "trimmed", "first": 1, "next": 3}
    assert numbers([record]) == [3]


@pytest.mark.parametrize(
    "last_id",
    [
        "x",
        "t",
        "o-1",
        "t99999999999999999999",
        "o0 t",
        "o0 t@1",
        "o0 t@1.1 ",
        "o0 other@1.1",
        "o0 ../x@1.1",
        "o0 t@x.1",
    ],
)
def test_an_id_that_is_none_of_this_streams_is_400(gateway: GatewayProcess, last_id: str) -> None:
    refused = gateway.ask("GET", "/v1/stream?pattern=t", headers={"Last-Event-ID": last_id})
    assert (refused.status, refused.problem) == (400, "bad-request")
    assert "Last-Event-ID" in refused.json["detail"]


def test_a_reader_that_stops_reading_misses_nothing_when_it_goes_on(gateway: GatewayProcess) -> None:
    with listening(gateway, "pattern=t&offset=0") as found:
        next(found)
        with mq.Producer(gateway.broker, "written") as producer:
            for start in range(0, 60_000, 500):
                producer.send_many("t", [b'"%0200d"' % number for number in range(start, start + 500)])
        assert gateway.get("/healthz").status == 200
        assert [int(text) for text in numbers(take(found, 60_000))] == list(range(60_000))


def test_one_stream_too_many_is_503_and_a_stream_of_too_many_topics_says_so(start_gateway: StartGateway) -> None:
    gateway = start_gateway(streams_max="2", stream_topics_max="2")
    for topic in ("a", "b", "c"):
        gateway.publish(topic, b"1")
    with ExitStack() as held:
        first = held.enter_context(listening(gateway, "pattern=a"))
        held.enter_context(listening(gateway, "pattern=b"))
        next(first)
        refused = gateway.get("/v1/stream")
        assert (refused.status, refused.problem, refused.headers["Retry-After"]) == (503, "overloaded", "1")
    eventually(lambda: gateway.ask("GET", "/v1/socket").status == 426)

    def last_words() -> list[Event]:
        try:
            with listening(gateway, "offset=0") as found:
                return list(found)
        except AssertionError:  # those that have left are not noticed yet
            return []

    assert "stream_topics_max (2)" in eventually(last_words)[-1]["data"]


class Socket:
    """A WebSocket, with no more than it takes."""

    def __init__(self, gateway: GatewayProcess, target: str, **headers: str) -> None:
        self._raw = gateway.raw()
        self._connection = self._raw.__enter__()
        self._protocol = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        extra = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self.send(wsproto.events.Request(host="127.0.0.1", target=target, extra_headers=extra))
        self._text = ""

    def send(self, event: wsproto.events.Event) -> None:
        """Send an event."""
        self._connection.sendall(self._protocol.send(event))

    def events(self) -> Iterator[wsproto.events.Event]:
        """Yield what comes."""
        while True:
            yield from self._protocol.events()
            data = self._connection.recv(65_536)
            if not data:
                return
            self._protocol.receive_data(data)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield the text messages, read."""
        for event in self.events():
            if isinstance(event, wsproto.events.TextMessage):
                self._text += event.data
                if event.message_finished:
                    yield json.loads(self._text)
                    self._text = ""

    def close(self) -> None:
        """Hang up."""
        self._raw.__exit__(None, None, None)


def test_a_web_socket_says_the_same_and_resumes(gateway: GatewayProcess) -> None:
    gateway.publish("t", lines(0, 3), NDJSON)
    socket = Socket(gateway, "/v1/socket?pattern=t&offset=0")
    found = socket.messages()
    assert next(found) == {"id": "o0", "event": "open"}
    first = [next(found) for _ in range(2)]
    assert [each["data"]["body"] for each in first] == [0, 1]
    socket.close()
    again = Socket(gateway, "/v1/socket?pattern=t", Last_Event_ID=first[-1]["id"])
    found = again.messages()
    next(found)
    assert next(found)["data"]["body"] == 2
    gateway.publish("t", b"3")
    assert next(found)["data"]["body"] == 3
    again.close()


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/v1/socket?pattern=a//b", {}, 400),
        ("/v1/socket?time=never", {}, 400),
        ("/v1/socket", {"Origin": "http://evil.example"}, 403),
    ],
)
def test_a_web_socket_that_may_not_be_is_refused(
    gateway: GatewayProcess, target: str, headers: dict[str, str], status: int
) -> None:
    socket = Socket(gateway, target, **headers)
    refused = next(each for each in socket.events() if isinstance(each, wsproto.events.RejectConnection))
    assert refused.status_code == status
    socket.close()


def test_a_message_without_end_to_a_web_socket_is_not_kept(gateway: GatewayProcess) -> None:
    socket = Socket(gateway, "/v1/socket?pattern=t")
    next(socket.messages())
    try:
        for _ in range(100):
            socket.send(wsproto.events.BytesMessage(b"x" * 65_536, message_finished=False))
    except ConnectionError:
        pass
    socket.close()
    assert gateway.get("/healthz").status == 200
