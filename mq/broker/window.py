"""How many frames may wait for a subscriber. libzmq counts frames, memory counts bytes: the larger, the fewer."""

from __future__ import annotations

WIDER_AFTER_TURNS = 1_000


class LiveWindow:
    """Follows the average size of the frames that are published. Decides, and touches no socket.

    Large frames narrow it at once; it is widened again when for a while no turn has called for less.
    """

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self._messages_max, self._bytes_max = messages_max, bytes_max
        self._turns, self._least = 0, messages_max
        self.messages = messages_max

    def note(self, frames: int, size: int) -> bool:
        """Take what one turn published, in frames and bytes; return whether `messages` is another number now."""
        before = self.messages
        wanted = min(self._messages_max, max(1, self._bytes_max * frames // max(size, 1)))
        self._turns, self._least = self._turns + 1, min(self._least, wanted)
        if wanted < self.messages:
            self.messages = wanted
        elif self._turns >= WIDER_AFTER_TURNS:
            self.messages = self._least
        if self.messages != before or self._turns >= WIDER_AFTER_TURNS:
            self._turns, self._least = 0, self._messages_max
        return self.messages != before
