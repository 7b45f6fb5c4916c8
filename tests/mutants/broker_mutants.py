"""Mutants of what the broker takes in, sends on and acknowledges."""

from __future__ import annotations

from mutant import Mutant

_GUARDS = "tests/mutants/test_broker_guards.py"
_INTAKE = "tests/broker/test_intake.py"
_LIFE = "tests/broker/test_broker_life.py"
_FAULTS = "tests/broker/test_server_faults.py"
_PRODUCED = "mq/broker/produced.py"
_REFUSING = "replies += [self._refused(client, refusal, ack_key(frame)) for client, frame in pairs]"
_REFUSED = f"{_INTAKE}::test_what_the_journal_refuses_goes_out_unstored_from_ingest_and_is_refused_on_control"

BROKER_MUTANTS = [
    Mutant(
        "frame_unchecked_on_its_way_in",
        "a frame's checksum is checked before it is taken in",
        "mq/frame.py",
        "if extend(partial, body) != crc:",
        "if False:",
        (
            f"{_INTAKE}::test_each_bad_frame_on_ingest_is_counted_by_its_kind_and_what_is_good_is_taken",
            f"{_INTAKE}::test_each_bad_frame_on_control_is_counted_and_answered_by_its_kind",
        ),
    ),
    Mutant(
        "published_before_it_is_appended",
        "a frame is in its file before it is published or acknowledged",
        "mq/journal/files.py",
        "        return os.write(descriptor, data)",
        '        held = self.__dict__.setdefault("held", [])\n        held.append((descriptor, data))\n'
        "        while len(held) > 1:\n            os.write(*held.pop(0))\n        return len(data)",
        (
            f"{_INTAKE}::test_with_a_real_journal_the_live_frames_are_the_bytes_of_its_segments",
            f"{_LIFE}::test_killed_under_load_it_serves_again_and_what_was_seen_is_in_the_journal_byte_for_byte",
        ),
    ),
    Mutant(
        "written_acknowledged_and_not_appended",
        "what the journal refused is refused, and not acknowledged",
        _PRODUCED,
        _REFUSING,
        "[self._acknowledge(client, frame, 0, written) for client, frame in pairs]",
        (_REFUSED,),
    ),
    Mutant(
        "refused_and_published",
        "what was refused on control is not published",
        _PRODUCED,
        _REFUSING,
        f'live += [__import__("mq").frame.stamp_unstored(frame, 0) for frame in run.checked]\n'
        f"                {_REFUSING}",
        (_REFUSED,),
    ),
    Mutant(
        "durable_acknowledged_when_written",
        "a durable acknowledgement waits for the sync",
        _PRODUCED,
        "self._durable if level is Wanted.DURABLE else written",
        "written",
        (f"{_INTAKE}::test_written_is_acknowledged_once_appended_and_durable_not_before_a_sync",),
    ),
    Mutant(
        "durable_acknowledged_without_a_sync",
        "where a durable acknowledgement waits, the journal is synced",
        "mq/broker/journaling.py",
        "self._sync(self._journal.sync)",
        "self._sync(lambda: None)",
        (
            f"{_GUARDS}::test_a_durable_acknowledgement_leaves_after_the_sync_that_makes_it_true",
            f"{_FAULTS}::test_after_a_failed_sync_nothing_is_called_stored_any_more",
        ),
    ),
    Mutant(
        "durable_acknowledged_after_a_failed_sync",
        "who waited for a sync that failed is refused",
        "mq/broker/journaling.py",
        "self._intake.sync_failed(self._journal.failure)",
        "self._intake.synced()",
        (f"{_FAULTS}::test_after_a_failed_sync_nothing_is_called_stored_any_more",),
    ),
    Mutant(
        "never_synced_under_load",
        "under load, too, all is synced every sync_interval_s",
        "mq/broker/journaling.py",
        "            if time.monotonic() >= self._next_checkpoint:",
        "            if False:",
        (f"{_GUARDS}::test_under_load_that_never_ends_what_nobody_waits_for_is_synced_all_the_same",),
    ),
    Mutant(
        "never_synced_when_idle",
        "also when nothing more comes all is synced every sync_interval_s",
        "mq/broker/journaling.py",
        "            except Empty:\n                self._checkpoint()",
        "            except Empty:\n                self._next_checkpoint += 1",
        (f"{_GUARDS}::test_what_nobody_waits_for_is_synced_soon_when_nothing_more_comes",),
    ),
    Mutant(
        "ended_without_a_sync",
        "the journaling thread syncs before it ends",
        "mq/broker/journaling.py",
        "                self._checkpoint()\n                return",
        "                return",
        (f"{_GUARDS}::test_what_was_submitted_is_synced_when_the_thread_has_been_stopped",),
    ),
    Mutant(
        "unstored_and_not_sent_on",
        "what a full journal could not take goes out unstored",
        "mq/broker/intake.py",
        "live += [stamp_unstored(frame, now) for frame in run.checked]",
        "pass",
        (_REFUSED,),
    ),
    Mutant(
        "offset_of_another_record_acknowledged",
        "an acknowledgement names the offset of its own first record",
        _PRODUCED,
        "                offset += frame[1]",
        "                offset += 1",
        (f"{_INTAKE}::test_written_is_acknowledged_once_appended_and_durable_not_before_a_sync",),
    ),
]
