"""What is sent slowly, without end, or by too many at once: by raw sockets, as no decent client would."""

from __future__ import annotations

import http.client
import select
import socket
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import psutil
import pytest
from conftest import StartGateway
from gateway_process import JSON, NDJSON, GatewayProcess, read_all

POST = b"POST /v1/topics/t/records HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def is_alive(gateway: GatewayProcess) -> bool:
    """Whether others are answered."""
    return gateway.get("/healthz").status == 200


def alive(connection: socket.socket) -> bool:
    """Whether that is what comes next."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.read() == b'{"status":"alive"}\n'


def test_a_body_that_says_it_is_gigabytes_is_refused_before_it_is_sent(gateway: GatewayProcess) -> None:
    with gateway.raw(POST + b"Content-Length: 4294967296\r\n\r\n") as connection:
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("target", ["/v1/topics/t/records", "/produce", "/v1/last", "/none"])
def test_gigabytes_without_a_length_are_cut_off_and_take_no_memory(gateway: GatewayProcess, target: str) -> None:
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    process = psutil.Process(gateway.process.pid)
    before = process.memory_info().rss
    with gateway.raw(head) as connection, suppress(ConnectionError):
        for _ in range(200):
            connection.sendall(chunk)
    assert process.memory_info().rss - before < 100 << 20
    assert is_alive(gateway)


def test_a_bomb_of_gzip_is_not_unpacked_beyond_the_limit(gateway: GatewayProcess) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(512)) + packer.flush()
    before = psutil.Process(gateway.process.pid).memory_info().rss
    refused = gateway.publish("t", bomb, {**NDJSON, "Content-Encoding": "gzip"})
    assert (refused.status, refused.problem) == (413, "too-large")
    assert psutil.Process(gateway.process.pid).memory_info().rss - before < 100 << 20


def test_a_slow_body_is_given_up_in_time_and_said_so(start_gateway: StartGateway) -> None:
    gateway = start_gateway(body_s_max="0.5")
    with gateway.raw(POST + b"Content-Length: 10\r\n\r\nabc") as connection:
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"/docs#too-slow"' in answer
    assert gateway.get("/v1/topics/t/records").json["end"] == 0


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(start_gateway: StartGateway, sent: bytes) -> None:
    gateway = start_gateway(header_s_max="0.5")
    with gateway.raw(sent) as connection:
        answer = read_all(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert is_alive(gateway)


def test_an_idle_connection_is_closed_and_a_second_head_must_come_in_time_too(start_gateway: StartGateway) -> None:
    gateway = start_gateway(idle_s_max="1", header_s_max="0.5")
    for second in (b"", b"GET / HT"):
        with gateway.raw(GET + second) as connection:
            assert read_all(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("head", [b"GET /" + b"x" * 200_000, b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000])
def test_a_head_without_end_is_refused(gateway: GatewayProcess, head: bytes) -> None:
    with gateway.raw() as connection:
        with suppress(ConnectionError):
            connection.sendall(head)
        assert read_all(connection).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_is_too_large_is_refused_when_it_comes_whole_too(start_gateway: StartGateway) -> None:
    gateway = start_gateway(header_bytes_max="1024")
    with gateway.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"x: y\r\n" * 400 + b"\r\n") as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 431 ")
    assert is_alive(gateway)


@pytest.mark.parametrize(
    "sent", [b"\0" * 100, b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01" + b"x" * 50]
)
def test_what_is_no_http_is_400(gateway: GatewayProcess, sent: bytes) -> None:
    with gateway.raw(sent) as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 400 ")


def test_a_connection_too_many_is_told_so_and_those_that_are_there_go_on(start_gateway: StartGateway) -> None:
    gateway = start_gateway(connections_max="5")
    with ExitStack() as held:
        first = [held.enter_context(gateway.raw()) for _ in range(5)]
        for each in first:
            each.sendall(GET)
            assert alive(each)
        with gateway.raw() as sixth:
            refused = read_all(sixth)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in refused
        first[0].sendall(GET)
        assert alive(first[0])
    assert is_alive(gateway)


def first_answer(connections: list[socket.socket]) -> bytes:
    """Return what is answered first, on any of these."""
    ready, _, _ = select.select(connections, [], [], 20)
    answer: bytes = ready[0].recv(65_536)
    return answer


def test_all_bodies_together_are_bounded(start_gateway: StartGateway) -> None:
    gateway = start_gateway(bodies_bytes_max="100000", body_bytes_max="90000")
    part = POST + b"Content-Length: 80000\r\n\r\n" + b"x" * 70_000
    with gateway.raw(part) as first, gateway.raw(part) as second:
        assert first_answer([first, second]).startswith(b"HTTP/1.1 503 ")
    assert gateway.publish("t", b"x" * 80_000, {"Content-Type": "text/plain"}).status == 201


def test_who_leaves_in_the_middle_of_a_body_stores_nothing(gateway: GatewayProcess) -> None:
    with gateway.raw(POST + b"Content-Length: 10\r\n\r\nabc"):
        pass
    assert is_alive(gateway)
    assert gateway.get("/v1/topics/t/records").json["end"] == 0


def test_a_reader_that_does_not_read_holds_nobody_up(gateway: GatewayProcess) -> None:
    gateway.publish("t", b"".join(b'"%s"\n' % (b"x" * 1_000) for _ in range(2_000)), NDJSON)
    asking = b"GET /v1/topics/t/records?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 20
    with ExitStack() as held, ThreadPoolExecutor(4) as threads:
        for _ in range(20):
            held.enter_context(gateway.raw(asking))
        assert all(threads.map(lambda _: is_alive(gateway), range(20)))
        assert gateway.publish("u", b"1", JSON).status == 201


ODD = (
    *(b"GET /\xff HTTP/1.1\r\n", b"GET http://[ HTTP/1.1\r\n", b"GET //x/v1 HTTP/1.1\r\n", b"OPTIONS * HTTP/1.1\r\n"),
    *(
        b"GET /v1/topics/%ff%00/records HTTP/1.1\r\n",
        b"GET /v1/last?pattern=%00 HTTP/1.1\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n",
    ),
    *(b"GET /consume?topic=t&consumer_id=%ff%0a HTTP/1.1\r\n", b"POST /produce HTTP/1.1\r\nContent-Length: abc\r\n"),
    b"POST /produce HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"GET /v1/stream?pattern=t HTTP/1.1\r\nLast-Event-ID: \xe4\r\n",
    b"GET /v1/socket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
    *(b"GET /nodes HTTP/1.1\r\nOrigin: \xff\r\n", b"GET /nodes HTTP/1.1\r\nHost: [\r\nOrigin: http://a\r\n"),
)


@pytest.mark.parametrize("head", ODD)
def test_what_is_odd_is_the_askers_mistake_and_not_ours(gateway: GatewayProcess, head: bytes) -> None:
    with gateway.raw(head + (b"\r\n" if b"Host" in head else b"Host: x\r\n\r\n")) as connection:
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 4")
    assert is_alive(gateway)
