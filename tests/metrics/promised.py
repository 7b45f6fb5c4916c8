"""What the dashboard, the alerts and the documentation say of metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
ALERTS = DOCS / "prometheus" / "alerts.yml"
SCRAPING = DOCS / "prometheus" / "prometheus.yml"
PAGE = (DOCS / "metrics.md").read_text("utf-8")
DASHBOARD = json.loads((DOCS / "grafana" / "minimq.json").read_text("utf-8"))

_VARIABLES = {"$__rate_interval": "1m", "$instance": ".*", "$node": ".*"}
_NAME = re.compile(r"\b(?:minimq|process)_\w+")


def panels() -> Iterator[dict[str, Any]]:
    """Yield the dashboard's panels that show something."""
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def expressions() -> list[str]:
    """Return what the dashboard asks Prometheus for, with its variables filled in."""
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    for variable, value in _VARIABLES.items():
        asked = [expression.replace(variable, value) for expression in asked]
    return asked


def variables() -> dict[str, dict[str, Any]]:
    """Return the dashboard's variables by name."""
    return {each["name"]: each for each in DASHBOARD["templating"]["list"]}


def names_in(text: str) -> set[str]:
    """Return the metrics that a text names."""
    return set(_NAME.findall(text))
