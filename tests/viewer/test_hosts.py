"""Under which names the page is served."""

from __future__ import annotations

import pytest

from viewer.hosts import refusal, refusal_of

ADMITTED = ["localhost:8080", "127.0.0.1:8080", "metrics.example:443", "*.inside.example:8080"]


@pytest.mark.parametrize("host", ["localhost:8080", "LOCALHOST:8080", "a.inside.example:8080"])
def test_a_name_that_is_admitted_is_served(host: str) -> None:
    assert refusal_of(host, ADMITTED) == ""


@pytest.mark.parametrize("host", ["evil.example:8080", "localhost:9090", "metrics.example:8080", "", "evil.example"])
def test_a_name_that_leads_here_and_is_not_is_told_what_to_do(host: str) -> None:
    """The port counts, as it does for an origin."""
    assert refusal_of(host, ADMITTED).startswith(f"This page is not served under the name {host}. ")


def test_with_no_list_panel_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when it was started as `panel serve viewer`, with options of its own."""
    monkeypatch.delenv("BOKEH_ALLOW_WS_ORIGIN", raising=False)
    assert refusal({"Host": "anything"}) == ""
    monkeypatch.setenv("BOKEH_ALLOW_WS_ORIGIN", "localhost:8080,other:1")
    assert refusal({"Host": "other:1"}) == ""
    assert "evil" in refusal({"Host": "evil"})
