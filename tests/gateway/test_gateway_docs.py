"""``docs/gateway.md`` has each limit with its default; all that it shows is run by `tests/docs`."""

from __future__ import annotations

import re
from dataclasses import fields

from page import ROOT

from mq.gateway.limits import Limits

PAGE = (ROOT / "docs" / "gateway.md").read_text("utf-8")


def test_each_limit_is_in_the_table_with_its_default() -> None:
    listed = re.findall(r"^\| `(\w+)` \| ([\d,.]+) \|", PAGE, re.MULTILINE)
    assert listed == [(each.name, f"{each.default:,}") for each in fields(Limits)]
