"""Commands that are imported when they are asked for, so that help comes at once however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
import typer.core
import typer.main


class Entry(NamedTuple):
    """Where a command lives, as ``module:attribute``, and its line in the list of commands."""

    home: str
    summary: str


class Shelf(Mapping[str, Any]):
    """Commands by name. Looking at one imports it; names and summaries are known without."""

    def __init__(self, entries: Mapping[str, Entry], settings: Mapping[str, Any]) -> None:
        self.entries = entries
        self._settings = settings
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name, self.entries[name].home)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def _make(self, name: str, home: str) -> Any:
        module, _, attribute = home.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=dict(self._settings))
        alone.command(name)(found)
        return typer.main.get_command(alone)


class ShelvedGroup(typer.core.TyperGroup):
    """A group whose commands stand on a shelf."""

    shelf: Shelf

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.commands: Any = self.shelf

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete names and options without importing the commands."""
        self.commands = {
            name: typer.core.TyperCommand(name, help=it.summary) for name, it in self.shelf.entries.items()
        }
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.commands = self.shelf

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.shelf.entries.items()])
