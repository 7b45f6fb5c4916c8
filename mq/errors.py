"""Every error that callers of MiniMQ see: each carries its facts, and its sentence says what to do."""

from __future__ import annotations

import errno

_REASONS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "read_only",
    errno.EMFILE: "files_exhausted",
    errno.ENFILE: "files_exhausted",
}


class MqError(Exception):
    """What all errors of MiniMQ are."""


class BadTopic(MqError, ValueError):
    """A topic outside the grammar."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"{topic!r} is not a topic: use segments of letters, digits, '_', '.', '-' joined by '/', none empty or "
            "starting with a dot, at most 200 bytes in all"
        )


class BadPattern(MqError, ValueError):
    """A pattern outside the grammar."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        super().__init__(
            f"{pattern!r} is not a pattern: use a topic in which '+' may stand for a segment, a last '#' for the rest"
        )


class BadName(MqError, ValueError):
    """What a consumer cannot be called."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r:.102} is no consumer's name: use letters, digits, '_', '.', '-', not starting with a dot, "
            "at most 100"
        )


class BadPoint(MqError, ValueError):
    """A text that says neither an offset nor a time."""

    FORMS = "an offset, a time (2026-11-24T03:12, 03:12, yesterday 03:12) or so long ago (-15m)"

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r:.82} is not {self.FORMS}")


class BadSetting(MqError, ValueError):
    """A setting that cannot be used, and the place that it comes from."""

    def __init__(self, name: str, place: str, why: str) -> None:
        self.name, self.place, self.why = name, place, why
        super().__init__(f"{name} in {place}: {why}")


class FrameRefused(MqError, ValueError):
    """Bytes that are not a frame one may take. `kind` is one of a fixed few, for counting."""

    def __init__(self, kind: str, why: str) -> None:
        self.kind, self.why = kind, why
        super().__init__(f"frame refused ({kind}): {why}")


class CodecMissing(FrameRefused):
    """A body that is compressed, or is to be, and no library here that does it."""

    def __init__(self) -> None:
        super().__init__("codec_missing", "zstd is not installed here: pip install 'minimq[zstd]'")


class BadMessage(MqError, ValueError):
    """A control message that does not follow the protocol."""


class TooLarge(MqError, ValueError):
    """A record or batch that does not fit into one frame."""

    def __init__(self, limit: int, size: int) -> None:
        self.limit, self.size = limit, size
        super().__init__(f"a frame of {size} bytes is over the limit of {limit}: send less at once")


class Refused(MqError):
    """The broker said no, for a reason that trying again does not change, `busy` excepted."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"the broker refused: {reason}" + (f" ({detail})" if detail else ""))


class TimedOut(MqError, TimeoutError):
    """No answer in time. What was asked for may have happened all the same, unless it says otherwise."""

    def __init__(self, what: str, seconds: float, known: str = "whether it happened is unknown") -> None:
        self.what, self.seconds = what, seconds
        super().__init__(f"{what}: no answer within {seconds:g} s; {known}")


def with_word(what: str, word: str) -> str:
    """Add the broker's last word to what is told, where it has said one."""
    return f"{what}; the broker said: {word}" if word else what


class NotStored(TimedOut):
    """Records that were given up in time. It is known that they are not stored, and why."""

    def __init__(self, what: str, seconds: float, why: str) -> None:
        super().__init__(what, seconds, f"not stored: {why}")


class Disconnected(MqError, ConnectionError):
    """The broker went away while an answer was due. What was asked for may have happened all the same."""

    def __init__(self, endpoint: str, what: str) -> None:
        self.endpoint = endpoint
        super().__init__(
            f"the broker at {endpoint} went away before it answered: {what}; whether it happened is unknown"
        )


class Unreachable(MqError, ConnectionError):
    """Nobody answers there."""

    def __init__(self, endpoint: str, seconds: float) -> None:
        self.endpoint, self.seconds = endpoint, seconds
        super().__init__(
            f"no broker answers at {endpoint} (waited {seconds:g} s): start one with 'minimq up' or "
            "'minimq broker', or name another with --broker or MINIMQ_BROKER"
        )


class SpoolHeld(MqError):
    """Another producer has this spool, or a child of its process does. `process` is where it was made, if known."""

    def __init__(self, path: str, process: int | None = None) -> None:
        self.path, self.process = path, process
        by = "another producer" if process is None else f"process {process} or a child of it"
        super().__init__(f"the spool {path} is held by {by}: end that one, or give this one its own")


class SpoolUnusable(MqError):
    """A directory that cannot be a spool, or a file in it that is none of a spool's."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path} cannot be used for a spool: {why}")


class SpoolDropped(MqError):
    """Records that the spool gave up for newer ones, as it was full or they were too old. They are not stored."""

    def __init__(self, topic: str, records: int, why: str) -> None:
        self.topic, self.records, self.why = topic, records, why
        super().__init__(f"{records} records for {topic} are not stored: the spool dropped them, {why}")


class StillSpooled(MqError):
    """Records that wait in the spool as their producer ends. The next producer on this spool sends them."""

    def __init__(self, topic: str, path: str) -> None:
        self.topic, self.path = topic, path
        super().__init__(f"records for {topic} wait in the spool {path}: the next producer on it sends them")


class Closed(MqError):
    """A client used after it was closed."""


class Gap(MqError):
    """Offsets that the journal can no longer serve: first to next - 1. Reading goes on at `next`."""

    def __init__(self, topic: str, first: int, next: int) -> None:  # noqa: A002 - the field's own word
        self.topic, self.first, self.next = topic, first, next
        super().__init__(
            f"{topic}: offsets {first} to {next - 1} are damaged in the journal; reading goes on at {next}"
        )


class Trimmed(MqError):
    """What was wanted has been deleted by retention."""

    def __init__(self, topic: str, wanted: int, first_kept: int) -> None:
        self.topic, self.wanted, self.first_kept = topic, wanted, first_kept
        super().__init__(f"{topic}: offset {wanted} is no longer kept; the first one that is is {first_kept}")


class Rewound(MqError):
    """The journal does not hold what this position was taken from: it lost its end, or is another one."""

    def __init__(self, topic: str, wanted: int, end: int) -> None:
        self.topic, self.wanted, self.end = topic, wanted, end
        super().__init__(f"{topic}: the journal has no offset {wanted} as it was read before; go on from {end}")


class CapsuleUnusable(MqError):
    """A file that cannot be read as a capsule, or not be made one."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path} {why}")


class CapsuleDamaged(Gap):
    """Records that were put into a capsule, and that bytes `start` to `stop` - 1 of it do not give any more."""

    def __init__(self, path: str, topic: str, lost: tuple[int, int], place: tuple[int, int], why: str) -> None:
        self.path, self.why = path, why
        self.start, self.stop = place
        super().__init__(topic, *lost)
        place_and_why = f"{path}, bytes {self.start} to {self.stop - 1}: {why}"
        what = f"offsets {self.first} to {self.next - 1} of {topic} cannot be read, reading goes on at {self.next}"
        self.args = (f"{place_and_why}; {what}",)


class JournalError(MqError):
    """The journal cannot be opened, or cannot go on."""


class Locked(JournalError):
    """Another process owns the data directory."""

    def __init__(self, path: str, owner: str) -> None:
        self.path, self.owner = path, owner
        super().__init__(f"{path} is in use by another broker ({owner}): stop that one, or name another --data")


class AppendFailed(JournalError):
    """The journal could not take these frames. `reason` is the word that the producer is told."""

    def __init__(self, reason: str, why: str) -> None:
        self.reason, self.why = reason, why
        super().__init__(f"{reason}: {why}")

    @classmethod
    def of(cls, error: OSError) -> AppendFailed:
        """Return what a failed call means to a producer."""
        reason = _REASONS.get(error.errno or 0, "journal_failed")
        return cls(reason, f"{error.filename or 'the journal'}: {error.strerror}")


class PortTaken(MqError):
    """An endpoint that another program listens on."""

    def __init__(self, endpoint: str, option: str) -> None:
        self.endpoint, self.option = endpoint, option
        super().__init__(f"{endpoint} is taken by another program: stop that one, or choose another with {option}")


class BadEndpoint(MqError, ValueError):
    """An endpoint that cannot be used."""
