"""``minimq verify``."""

from __future__ import annotations

import typer


def verify() -> None:
    """Check a data directory."""
    raise typer.Exit(2)
