"""What is wrong with a program that has left a note: its own words, or what it does not answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from mq.errors import MqError, Unreachable
from mq.health.note import Note

ANSWER_S_MAX = 3.0
BODY_BYTES_MAX = 65_536
OK = 200


def troubles(note: Note, now: float) -> Iterator[str]:
    """Give a sentence for each thing that is wrong, none when all is well. `now` is by the clock of `note.until`."""
    yield from note.troubles
    if note.until is not None and now > note.until:
        yield f"it has not said for {now - note.until:.0f} s how it fares: it hangs, or has ended"
    if note.url:
        yield from _of_url(note.url)
    if note.broker:
        yield from _of_broker(note.broker)


def _of_url(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        said = _object(answer.read(BODY_BYTES_MAX))
    except (OSError, http.client.HTTPException) as error:
        yield f"{url} does not answer: {error}"
        return
    finally:
        connection.close()
    if answer.status != OK:
        yield str(said.get("why") or f"{url} answers {answer.status} {answer.reason}")
    elif "disk" in said:
        yield str(said["disk"])


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_broker(broker: str) -> Iterator[str]:
    """Ask for a welcome, as every client does first."""
    from mq.client.link import Link  # noqa: PLC0415 - brings zmq, which most checks do without
    from mq.protocol import Hello, Welcome  # noqa: PLC0415 - the same

    try:
        with Link(broker) as link:
            number = link.number()
            link.send(Hello(number))
            if link.receive(Welcome, number, ANSWER_S_MAX) is None:
                raise Unreachable(broker, ANSWER_S_MAX)
    except MqError as error:
        yield str(error)
