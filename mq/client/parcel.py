"""A batch on its way to the broker, and what is known of its attempts."""

from __future__ import annotations

from mq.client.batch import Batch
from mq.frame import Content


class Parcel:
    """Numbered when it is first sent; the same bytes go again under the same number until its producer's id changes.

    It is `in_doubt` once an attempt has had no answer: then it may be stored. `passed_over` says that the last answer
    was `out_of_sequence`.
    """

    __slots__ = ("batch", "content", "in_doubt", "number", "numbered", "passed_over", "sent_at")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.content: Content | None = None
        self.number = 0
        self.numbered = False
        self.sent_at = 0.0
        self.in_doubt = False
        self.passed_over = False

    @property
    def size(self) -> int:
        """Bytes in its frame, 0 until it is packed."""
        return 0 if self.content is None else self.content.size

    def renew(self) -> None:
        """Begin again: it is not stored, and is to have another number."""
        self.numbered = False
        self.in_doubt = self.passed_over = False
