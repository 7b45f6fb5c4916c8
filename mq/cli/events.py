"""What is worth knowing about records that are not there."""

from __future__ import annotations

import typer

from mq.errors import Gap, Rewound, Trimmed


def show_event(event: Gap | Rewound | Trimmed, as_json: bool) -> None:
    """Show a gap among the records, and whatever else is worth knowing beside them."""
    from mq.cli.render import gap_json

    if isinstance(event, Gap) and as_json:
        typer.echo(gap_json(event))
    else:
        typer.echo(f"minimq: {event}", err=True)
