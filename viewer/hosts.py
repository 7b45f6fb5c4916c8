"""Under which names the page is served: those that `minimq view` admits, in Bokeh's own variable for them.

Bokeh holds the Origin of a WebSocket against its list, but Tornado from 6.6 on does not ask it when Origin and Host are
one: a name that a stranger lets lead to this machine (DNS rebinding) would get the page. So the Host is checked too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bokeh.server.util import check_allowlist
from bokeh.settings import settings


def refusal(headers: Mapping[str, str]) -> str:
    """Return why a request is not served, or nothing. Where no list was given, Panel's own options decide."""
    return refusal_of(headers.get("Host", ""), settings.allowed_ws_origin() or ())


def refusal_of(host: str, admitted: Iterable[str]) -> str:
    """Return why a host is not served, given those that are, or nothing."""
    hosts = list(admitted)
    if not hosts or check_allowlist(host.lower(), hosts):
        return ""
    return f"This page is not served under the name {host}. If it should be, start it with: minimq view --origin HOST"
