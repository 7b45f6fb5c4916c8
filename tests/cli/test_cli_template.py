"""Templates: what a record makes of them, and what is none."""

from __future__ import annotations

import json
from contextlib import suppress

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mq.cli.template import BadTemplate, Template
from mq.client.message import Message

SECOND_NS = 1_000_000_000
SAMPLE = {"value": 41.25, "node": "n1", "per_core": [1.5, 2.5], "mounts": [{"mount": "/", "percent": 7}], "up": True}


def shown(template: str, body: bytes | None = None, time: int = 1_000 * SECOND_NS) -> str:
    packed: bytes = msgpack.packb(SAMPLE)
    return Template(template).line(Message("host/n1/cpu", 7, time, time, packed if body is None else body))


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{topic} {value}", "host/n1/cpu 41.25"),
        ("{offset}:{value:.1f} %", "7:41.2 %"),
        ("[{topic:<14}] [{value:8.2f}]", "[host/n1/cpu   ] [   41.25]"),
        ("{mounts.0.mount} {per_core.1}", "/ 2.5"),
        ("{mounts} {up}", '[{"mount": "/", "percent": 7}] true'),
        ("{body.node} {{braces}}", "n1 {braces}"),
        (r"{node}\t{node}\n", "n1\tn1\n"),
        ("{missing} {missing:>4} {per_core.9} {value.deeper}", "-    - - -"),
        ("{node:.1f}|{node:5d}|{node:<5}|", "n1|   n1|n1   |"),
    ],
)
def test_fields_of_the_record_and_of_its_body(template: str, line: str) -> None:
    assert shown(template) == line


def test_times_take_the_formats_of_strftime() -> None:
    moment = 1_795_489_200 * SECOND_NS + 123_456_789
    assert shown("{time:%s.%f}", time=moment) == "1795489200.123456"
    assert shown("{produced}", time=moment).endswith(":00.123")
    assert shown("{time:%H}", time=2**64 - 1) != ""


def test_a_body_that_is_no_map_is_there_as_body() -> None:
    assert shown("{body}|{value}", b"plain\x1b[31m") == "plain\\x1b[31m|-"
    assert shown("{0}|{body.1}", msgpack.packb([1, "two"])) == "1|two"


@pytest.mark.parametrize(
    "template", ["{", "}", "{}", "{a..b}", "{value!r}", "{value:{width}}", "{value:100000}", "{v:" + "9" * 5_000 + "}"]
)
def test_what_is_no_template_is_refused(template: str) -> None:
    with pytest.raises(BadTemplate):
        Template(template)


@given(
    st.text(max_size=30) | st.from_regex(r"\{(value|topic|time|a\.0)(:[<>=^+ #0-9.,_a-zA-Z%]{0,6})?\}", fullmatch=True)
)
def test_any_text_is_a_template_that_shows_any_record_or_refused(text: str) -> None:
    with suppress(BadTemplate):
        template = Template(text)
        for body in (b"", b"\xff", msgpack.packb(SAMPLE), json.dumps(SAMPLE).encode()):
            line = template.line(Message("a", None, 2**64 - 1, 0, body))
            assert "\x1b" not in line.replace(text, "")
