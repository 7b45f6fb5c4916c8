"""Mutants of how topics are deleted, and of what keeps their offsets from coming back."""

from __future__ import annotations

from mutant import Mutant

_DELETE = "tests/journal/test_journal_delete.py"
_OPENING = "tests/journal/test_journal_opening.py"
_TRIM = "tests/journal/test_journal_trim.py"

DELETING_MUTANTS = [
    Mutant(
        "tombstone_not_synced",
        "that a topic is to go is durable before anything of it goes",
        "mq/journal/upkeep.py",
        "self._fence.sync(self._deleting.sync)",
        "pass",
        (f"{_DELETE}::test_a_sync_that_fails_deletes_nothing_and_ends_appending",),
    ),
    Mutant(
        "no_tombstone",
        "where a deleted topic ended is written down",
        "mq/journal/deleting.py",
        "        self._tombstones.add(stones)\n",
        "",
        (f"{_DELETE}::test_one_can_be_deleted_again_and_again",),
    ),
    Mutant(
        "deletion_not_finished",
        "a deletion that was cut short is finished by the next opening",
        "mq/journal/deleting.py",
        "        if not left:\n            return names\n",
        "        return names\n",
        (f"{_DELETE}::test_files_that_cannot_be_deleted_go_with_the_next_start",),
    ),
    Mutant(
        "deletion_never_done",
        "what was restored after a deletion stays",
        "mq/journal/deleting.py",
        "stone._replace(progress=DONE)",
        "stone",
        (f"{_DELETE}::test_what_was_restored_from_a_copy_after_its_deletion_is_not_deleted_again",),
    ),
    Mutant(
        "tombstone_unread",
        "a topic that begins anew goes on where it ended",
        "mq/journal/logs.py",
        "self._tombstones.get(topic) or Tombstone",
        "Tombstone",
        (f"{_DELETE}::test_one_can_be_deleted_again_and_again",),
    ),
    Mutant(
        "tombstone_unread_behind_an_empty_log",
        "a topic that began anew in vain is followed as the one that was deleted",
        "mq/journal/logs.py",
        "if end is not None and state.next == end.next:",
        "if False:",
        (f"{_DELETE}::test_one_that_has_no_record_yet_when_the_broker_dies_is_followed_all_the_same",),
    ),
    Mutant(
        "tombstone_unchecked",
        "a line's checksum is checked",
        "mq/journal/tombstones.py",
        "value(found[1]) != int(found[7], 16)",
        "False",
        (f"{_DELETE}::test_a_damaged_line_costs_only_its_own_topic_and_that_begins_in_a_later_epoch",),
    ),
    Mutant(
        "tombstones_of_this_epoch_forgotten",
        "no tombstone of this epoch is forgotten",
        "mq/journal/tombstones.py",
        "stone.progress == DONE and stone.epoch < epoch",
        "True",
        (f"{_DELETE}::test_of_those_of_earlier_epochs_the_oldest_make_room_and_none_of_this_one",),
    ),
    Mutant(
        "expired_with_records",
        "a topic that holds records does not expire",
        "mq/journal/tidying.py",
        "if held == 0 and log.broken",
        "if log.broken",
        (f"{_DELETE}::test_a_topic_that_holds_records_does_not_expire",),
    ),
    Mutant(
        "deleted_with_an_end_unknown",
        "a topic whose end is not known is not deleted",
        "mq/journal/upkeep.py",
        "if log.broken is not None:",
        "if False:",
        ("tests/journal/test_journal_doubt.py::test_a_topic_whose_end_is_not_known_cannot_be_deleted",),
    ),
    Mutant(
        "begun_deletions_forgotten",
        "a deletion that has but begun is not forgotten for room",
        "mq/journal/tombstones.py",
        "done = [stone.topic for stone in self._by_topic.values() if stone.progress == DONE]",
        "done = list(self._by_topic)",
        ("tests/journal/test_journal_doubt.py::test_deletions_that_have_but_begun_are_not_forgotten_for_room",),
    ),
    Mutant(
        "last_record_goes_without_a_mark",
        "the mark tells where a topic ended before its last record goes",
        "mq/journal/upkeep.py",
        "if log.bytes_held() == log.state.segments[0].size and",
        "if False and",
        (f"{_TRIM}::test_where_a_topic_ended_is_known_also_when_its_last_record_went_before_a_checkpoint",),
    ),
    Mutant(
        "wiped_within_a_second",
        "a journal begun where one was just wiped has another epoch",
        "mq/journal/meta.py",
        "        time.sleep(1 - now",
        "        return\n        time.sleep(1 - now",
        (f"{_OPENING}::test_a_journal_begun_where_one_was_just_wiped_has_another_epoch",),
    ),
]
