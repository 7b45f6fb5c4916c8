"""A journal that is damaged, or has lost its end: said where it can be, and all around it served."""

from __future__ import annotations

import json
from pathlib import Path

from broker_process import BrokerProcess
from gateway_process import GatewayProcess
from waiting import eventually


def log_of(broker: BrokerProcess, topic: str) -> Path:
    """Return the one segment of a topic."""
    (found,) = (broker.data / "topics" / topic).glob("@*.log")
    return found


def test_what_is_damaged_is_passed_over_and_said(gateway: GatewayProcess, broker: BrokerProcess) -> None:
    for body in (b'"first"', b'"second"', b'"third"'):
        gateway.publish("t", body)
    broker.stop()
    log = log_of(broker, "t")
    log.write_bytes(log.read_bytes().replace(b"second", b"sec0nd"))
    broker.restart()
    eventually(lambda: gateway.get("/readyz").status == 200)
    page = gateway.get("/v1/topics/t/records").json
    assert page["missing"] == [{"kind": "damaged", "first": 1, "next": 2}]
    assert [each["body"] for each in page["records"]] == ["first", "third"]
    assert [gateway.consume("t", "c").json["offset"] for _ in range(2)] == [0, 2]
    assert "c: t is damaged from 1 to 1" in gateway.log.read_text()


def test_a_consumer_goes_back_to_where_a_journal_ends_that_has_lost_its_end(
    gateway: GatewayProcess, broker: BrokerProcess
) -> None:
    gateway.publish("t", b"0")
    broker.stop()
    kept = log_of(broker, "t").read_bytes()
    broker.restart()
    eventually(lambda: gateway.publish("t", b"1").status == 201)
    assert [gateway.consume("t", "c").json["message"] for _ in range(2)] == ["0", "1"]
    broker.stop()
    log_of(broker, "t").write_bytes(kept)
    (log_of(broker, "t").parent / "@mark").unlink()
    broker.restart()
    eventually(lambda: gateway.publish("t", b'"again"').status == 201)
    body = eventually(lambda: gateway.consume("t", "c").body)
    assert json.loads(body) == {"message": '"again"', "offset": 1}
