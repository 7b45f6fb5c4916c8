"""What the shell asks for while somebody types: topics, from the broker, or nothing."""

from __future__ import annotations

from mq.client.link import Link
from mq.errors import MqError
from mq.protocol import TopicList, Topics

WAIT_S_MAX = 0.5


def topics_beginning_with(broker: str, incomplete: str) -> list[str]:
    """Return topics of the first page that begin so. Whoever types waits for it, and nobody reads an error there."""
    folder = incomplete.rpartition("/")[0]
    pattern = f"{folder}/#" if folder and not {"+", "#"} & set(folder) else "#"
    try:
        with Link(broker, WAIT_S_MAX) as link:
            reply = link.ask(Topics(link.number(), [pattern]), TopicList)
    except MqError:
        return []
    return [row[0] for row in reply.topics if row[0].startswith(incomplete)]
