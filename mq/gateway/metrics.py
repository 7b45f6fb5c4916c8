"""/metrics of the broker, asked for over control: for a Prometheus that reaches the gateway and no more."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

from mq.client.link import Link
from mq.gateway.answers import answer, packed, takes_gzip
from mq.gateway.gateway import Gateway
from mq.gateway.table import Given
from mq.metrics.asking import gather
from mq.metrics.collector import MqCollector


async def metrics(gateway: Gateway, request: Request, _: Given) -> Response:
    """Answer in the form that the asker reads; what is said of a process is said of the gateway's."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    limits, zipped = gateway.limits, takes_gzip(request)

    def look(link: Link) -> tuple[bytes, bool]:
        facts = gather(link, limits.metrics_nodes_max)
        registry = CollectorRegistry()
        registry.register(MqCollector(lambda: facts, limits.metrics_topics_max, limits.metrics_node_age_s))
        ProcessCollector(registry=registry)
        return packed(encode(registry).decode(), zipped=zipped)

    body, is_zipped = await gateway.look(look)
    return answer(body, zipped=is_zipped, media_type=media_type)
