"""The page at ``/docs``: the table, for people. It is made here and asks nobody else for anything."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape

from mq.gateway.openapi import ABOUT, TAGS
from mq.gateway.problems import KINDS
from mq.gateway.schemas import SCHEMAS
from mq.gateway.table import Operation, Parameter

CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{overflow:auto;padding:.6rem;background:#8882}
summary{cursor:pointer;padding:.3rem 0}details{border-bottom:1px solid #8884}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}b.method{display:inline-block;min-width:3.5rem}
"""


def page(operations: Iterable[Operation]) -> str:
    """Return the page."""
    listed = list(operations)
    parts = [f"<h1>MiniMQ over HTTP</h1><p>{_text(ABOUT)} For programs: <a href='/openapi.json'>/openapi.json</a>.</p>"]
    for tag, about in TAGS.items():
        parts.append(f"<h2>{escape(tag)}</h2><p>{_text(about)}</p>")
        parts += [_operation(each) for each in listed if each.tag == tag]
    parts.append("<h2>Problems</h2><table>")
    parts += [
        f"<tr id='{kind.name}'><td>{kind.status}<td><code>{kind.name}</code><td>{escape(kind.title)}"
        f"<td>{'Retry-After' if kind.retry else ''}"
        for kind in KINDS
    ]
    parts.append("</table><h2>Schemas</h2>")
    parts += [_schema(name, json.dumps(schema, indent=2)) for name, schema in SCHEMAS.items()]
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><title>MiniMQ over HTTP</title>{head}{''.join(parts)}</html>"


def _operation(it: Operation) -> str:
    path = it.path.replace(":path", "")
    parts = [
        f"<details id='{it.name}'><summary><b class=method>{it.method}</b> <code>{escape(path)}</code>",
        f" {escape(it.summary)}</summary><p>{_text(it.about)}</p>",
    ]
    if it.example:
        parts.append(f"<pre>{escape(it.example.replace('URL', 'http://127.0.0.1:5000'))}</pre>")
    parts.append(f"<table>{''.join(_parameter(each) for each in it.parameters)}</table>")
    if it.bodies:
        parts.append(f"<p>Body: {', '.join(f'<code>{escape(media_type)}</code>' for media_type in it.bodies)}</p>")
    answers = [f"{it.status}: <code>{escape(name)}</code>" for name in it.answers] + (
        [escape(it.none)] if it.none else []
    )
    problems = ", ".join(f"<a href='#{kind.name}'>{kind.status} {kind.name}</a>" for kind in it.problems)
    parts.append(f"<p>Answers {'; '.join(answers)}. Problems: {problems}.</p></details>")
    return "".join(parts)


def _parameter(it: Parameter) -> str:
    needed = ", needed" if it.required else ""
    return f"<tr><td><code>{it.name}</code> ({it.where}{needed})<td>{_text(it.about)}"


def _schema(name: str, text: str) -> str:
    return f"<details><summary><code>{name}</code></summary><pre>{escape(text)}</pre></details>"


def _text(text: str) -> str:
    """Return a sentence; what stands between backticks is code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
