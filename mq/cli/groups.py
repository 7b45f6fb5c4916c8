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
        completes_first_word = ctx.resilient_parsing and not args
        if not completes_first_word and (not args or args[0] not in {*self.commands, *ctx.help_option_names}):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete commands, and what may stand where the word is left out."""
        found = super().shell_complete(ctx, incomplete)
        known = {each.value for each in found}
        left_out = self.commands[DEFAULT].shell_complete(ctx, incomplete)
        return found + [each for each in left_out if each.value not in known]
