"""Mutants of what keeps consumers where they were, and each record with one member at a time."""

from __future__ import annotations

from mutant import Mutant

_CONSUMERS = "tests/broker/test_consumers.py"
_MODEL = "tests/broker/test_consumers_model.py"
_CONSUMER = "tests/client/test_consumer.py"
_SHARED = "tests/client/test_consumer_shared.py"
_RESUMES = f"{_CONSUMER}::test_a_name_begins_at_the_beginning_and_resumes_behind_what_was_committed"

_LOST = "tests/broker/test_consumers_damage.py::test_what_is_lost_of_it_loses_no_record"

CONSUMER_MUTANTS = [
    Mutant(
        "lost_leases_passed_over",
        "what was given out and not noted waits",
        "mq/broker/places.py",
        "            self.pieces.append(Piece(self.next, offset, 0))\n",
        "",
        (_LOST,),
    ),
    Mutant(
        "strangers_hold_for_ever",
        "what a member holds that is not known waits",
        "mq/broker/consumers.py",
        "        _part_strangers(consumer)\n",
        "        pass\n",
        (_LOST,),
    ),
    Mutant(
        "commit_answered_and_not_appended",
        "a commit is appended before it is answered",
        "mq/broker/registry.py",
        "        self._log.append(timed)\n",
        "",
        (f"{_CONSUMER}::test_what_was_committed_survives_the_brokers_death_and_so_does_the_name",),
    ),
    Mutant(
        "position_not_held_against_the_journal",
        "a position that the journal never gave is refused",
        "mq/broker/consuming.py",
        "            check_position(self._journal, topic, offset, epoch)\n",
        "            pass\n",
        (f"{_CONSUMERS}::test_a_position_that_the_journal_never_gave_is_refused_and_nothing_of_the_request_is_kept",),
    ),
    Mutant(
        "second_holder_let_in",
        "one program holds a name at a time",
        "mq/broker/consuming.py",
        "            self._refuse_second(consumer, request.member)",
        "            pass",
        (f"{_CONSUMER}::test_a_second_one_is_refused_with_the_holders_name_until_that_is_gone",),
    ),
    Mutant(
        "fenced_holder_commits",
        "who lost a name commits nothing under it",
        "mq/broker/registry.py",
        "        if member not in consumer.members:",
        "        if False:",
        (f"{_CONSUMER}::test_who_was_silent_for_too_long_is_fenced_when_another_has_taken_over",),
    ),
    Mutant(
        "committed_by_itself",
        "a commit is behind what was handed out, not what was read ahead",
        "mq/client/consumer.py",
        "            count = len(it.records) if isinstance(it, Batch) else 1",
        "            count = 1_000",
        (_RESUMES,),
    ),
    Mutant(
        "settled_for_another",
        "a member settles only what it holds",
        "mq/broker/sharing.py",
        "    return not others and stop <= place.next",
        "    return True",
        (f"{_MODEL}::TestCrew::runTest",),
    ),
    Mutant(
        "dead_members_records_kept",
        "what a member held that has left waits for others",
        "mq/broker/consumers.py",
        '            place.release_all_of(event["member"])\n',
        "            pass\n",
        (
            f"{_SHARED}::test_what_a_member_leaves_unsettled_is_given_to_another_alone_and_what_it_did_not_see_is_not_counted",
        ),
    ),
    Mutant(
        "tried_for_ever",
        "a record that was tried too often becomes a dead letter",
        "mq/broker/sharing.py",
        "if it.tries >= self._tries_max]",
        "if False]",
        (f"{_SHARED}::test_a_record_that_is_released_as_often_as_it_may_be_becomes_a_dead_letter",),
    ),
    Mutant(
        "suspects_together",
        "what comes back is given out alone",
        "mq/broker/sharing.py",
        "stop = piece.first + 1 if piece.tries else min(piece.next, piece.first + count)",
        "stop = min(piece.next, piece.first + count)",
        (f"{_CONSUMERS}::test_a_record_that_kills_its_readers_takes_no_others_with_it",),
    ),
    Mutant(
        "snapshot_left_empty",
        "before the log's beginning is deleted, a snapshot has all that it told",
        "mq/broker/consumer_log.py",
        "kept = list(consumers.snapshot())",
        "kept: list[Event] = []",
        (f"{_CONSUMERS}::test_the_log_stays_small_and_tells_the_same_after_each_snapshot",),
    ),
]
