"""What a failed sync means: nothing is appended any more.

Nobody knows then what is on the disk, and asking again would not tell: a kernel that has reported a failed write may
forget it (https://wiki.postgresql.org/wiki/Fsync_Errors).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from mq.errors import JournalError

_log = logging.getLogger(__name__)


class Fence:
    """Open until the first sync through it fails; `failure` then says why, for good."""

    def __init__(self, data: str) -> None:
        self._data = data
        self.failure: str | None = None

    def sync(self, call: Callable[[], None]) -> None:
        """Sync. Raises `JournalError` if that fails, and from then on."""
        self.refuse_if_closed()
        try:
            call()
        except OSError as error:
            self.failure = f"a sync failed: {error.filename or self._data}: {error.strerror}"
            _log.critical("%s; nothing more is appended until the broker is started again", self.failure)
            raise JournalError(self.failure) from error

    def refuse_if_closed(self) -> None:
        """Raise `JournalError` if a sync has failed."""
        if self.failure is not None:
            raise JournalError(self.failure)
