"""A command that lists when it is not told what else to do: ``minimq topics``, ``minimq topics delete``."""

from __future__ import annotations

from typing import Any

import typer.core

DEFAULT = "list"


class ListFirst(typer.core.TyperGroup):
    """A group of commands, of which `list` is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in front that was left out.

        The context is click's, of which newer versions of Typer have their own.
        """
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
