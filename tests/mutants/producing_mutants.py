"""Mutants of what makes a retry be stored once, on both ends, and of what is counted as missing."""

from __future__ import annotations

from mutant import Mutant

_INTAKE = "tests/broker/test_intake.py"
_SEQUENCES = "tests/broker/test_sequences.py"
_REPEATS = "tests/broker/test_repeats.py"
_MODEL = "tests/client/test_producer_model.py"
_JUDGED = f"{_SEQUENCES}::test_a_frame_is_judged_by_what_its_producer_sent_before"
_ONCE = f"{_REPEATS}::test_a_retry_is_stored_once_and_gets_its_first_offset"
_LEDGER = "tests/broker/test_ledger.py::test_what_arrives_is_counted"

IDEMPOTENCE_MUTANTS = [
    Mutant(
        "retry_stored_again",
        "a frame that repeats another is not stored again",
        "mq/broker/produced.py",
        "        if verdict is None:\n            checked.append(found)",
        "        if True:\n            checked.append(found)",
        (_ONCE,),
    ),
    Mutant(
        "hole_taken",
        "a frame behind one that is missing is refused",
        "mq/broker/sequences.py",
        "        if sequence > due:",
        "        if False:",
        (_JUDGED, f"{_REPEATS}::test_what_is_out_of_order_is_refused_with_what_was_due"),
    ),
    Mutant(
        "other_bytes_taken_for_a_retry",
        "a retry is known by its checksum too",
        "mq/broker/sequences.py",
        "if (sent.sequence, sent.count, sent.crc) == (sequence, count, crc):",
        "if (sent.sequence, sent.count) == (sequence, count):",
        (_JUDGED,),
    ),
    Mutant(
        "unknown_producer_begins_in_the_middle",
        "a producer that is not remembered begins at 0",
        "mq/broker/sequences.py",
        "return None if sequence == 0 else unknown",
        "return None",
        (_JUDGED, f"{_SEQUENCES}::test_a_producer_that_is_forgotten_is_unknown"),
    ),
    Mutant(
        "memory_not_read_from_the_log",
        "what is remembered of a topic is found again after a restart",
        "mq/broker/sequences.py",
        "TopicMemory(self._tail(topic))",
        "TopicMemory()",
        (_ONCE,),
    ),
    Mutant(
        "pushed_frames_remembered",
        "what is pushed takes no part in the sequences",
        "mq/broker/produced.py",
        "if header.producer and header.wanted is not Wanted.NONE:",
        "if header.producer:",
        (f"{_REPEATS}::test_what_is_pushed_is_not_counted",),
    ),
    Mutant(
        "remembered_though_not_stored",
        "what the journal refused is not remembered as stored",
        "mq/broker/produced.py",
        "            group = groups[run.topic]\n            if run.error is not None:",
        "            group = groups[run.topic]\n            group.draft.commit(run.offset)\n"
        "            if run.error is not None:",
        (f"{_INTAKE}::test_what_the_journal_refused_is_not_taken_for_stored_when_it_comes_again",),
    ),
    Mutant(
        "repeat_of_what_was_not_stored_acknowledged",
        "what repeats a frame of this turn that was not stored is not acknowledged",
        "mq/broker/sequences.py",
        "return None if self._begin is None else self._begin + sent.offset",
        "return (self._begin or 0) + sent.offset",
        (f"{_SEQUENCES}::test_frames_of_one_turn_are_held_against_each_other_and_count_once_stored",),
    ),
]

LANE_MUTANTS = [
    Mutant(
        "sent_again_as_something_else",
        "what goes again is what was sent, byte for byte",
        "mq/client/lanes.py",
        "return content, parcel.number, parcel.batch.produced",
        "return content, parcel.number, parcel.batch.produced + 1",
        (f"{_MODEL}::TestKnownOutcomes::runTest",),
    ),
    Mutant(
        "pending_dropped_with_the_connection",
        "what had no answer when the connection ends goes again",
        "mq/client/lanes.py",
        "            self._again.append(parcel)\n        self._regroup(now, pause=False)",
        "        self._regroup(now, pause=False)",
        (f"{_MODEL}::TestSending::runTest",),
    ),
]

LEDGER_MUTANTS = [
    Mutant(
        "missing_not_counted",
        "a jump in a producer's sequence is counted as missing",
        "mq/broker/ledger.py",
        "self.missing += sequence - self.next",
        "pass",
        (_LEDGER,),
    ),
    Mutant(
        "late_stays_missing",
        "what comes late is not missing any more",
        "mq/broker/ledger.py",
        "self.missing -= late",
        "pass",
        (_LEDGER,),
    ),
]
