"""What `verify` found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["torn", "damage"]


class Finding(NamedTuple):
    """Bytes `start` to `stop` of a file that do not hold, and the offsets that are gone with them.

    Those are `first` to `next` - 1; of a torn tail `next` is None: nobody was ever promised anything behind `first`.
    In a file that is no log no offsets are lost: there both are None.
    """

    kind: Kind
    path: str
    start: int
    stop: int
    first: int | None
    next: int | None
    why: str


class Note(NamedTuple):
    """Something worth knowing that is neither damage nor torn."""

    path: str
    why: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found there. `epoch` is None where the directory's own file does not hold."""

    data: str
    epoch: int | None = None
    busy: bool = False
    topics: int = 0
    segments: int = 0
    frames: int = 0
    records: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether there is no damage. A torn tail is none."""
        return all(finding.kind != "damage" for finding in self.findings)

    def damage(
        self, path: str, start: int, stop: int, why: str, first: int | None = None, after: int | None = None
    ) -> None:
        """Add a finding that costs offsets, or may."""
        self.findings.append(Finding("damage", path, start, stop, first, after, why))

    def torn(self, path: str, start: int, stop: int, why: str, first: int) -> None:
        """Add a finding that costs nothing."""
        self.findings.append(Finding("torn", path, start, stop, first, None, why))

    def note(self, path: str, why: str) -> None:
        """Add a note."""
        self.notes.append(Note(path, why))
