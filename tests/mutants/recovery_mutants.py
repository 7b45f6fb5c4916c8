"""Mutants of opening a log: what is torn is cut with a copy kept, what is damaged is fenced."""

from __future__ import annotations

from mutant import Mutant

_GUARDS = "tests/journal/test_journal_guards.py"
_SHIFTED = "tests/journal/test_journal_shifted.py"
_TORN = "tests/journal/test_journal_torn.py"
_WOUNDS = "tests/journal/test_journal_wounds.py"

RECOVERY_MUTANTS = [
    Mutant(
        "torn_tail_cut_without_a_copy",
        "a torn tail is copied before it is cut",
        "mq/journal/mending.py",
        "copy = quarantine.keep(step.topic, step.path, step.base, step.start, step.stop)",
        'copy = "nowhere"',
        (
            f"{_TORN}::test_what_is_behind_the_last_frame_and_is_none_is_torn",
            f"{_GUARDS}::test_whenever_the_power_goes_a_torn_tail_is_in_its_log_or_in_quarantine",
        ),
    ),
    Mutant(
        "copy_not_synced",
        "the copy of a torn tail is synced before the tail is cut",
        "mq/journal/quarantine.py",
        "                self._files.sync(target)\n",
        "",
        (f"{_GUARDS}::test_whenever_the_power_goes_a_torn_tail_is_in_its_log_or_in_quarantine",),
    ),
    Mutant(
        "name_of_the_copy_not_synced",
        "the copy's name is synced before the tail is cut",
        "mq/journal/quarantine.py",
        "self._files.sync_directory(directory)",
        "pass",
        (f"{_GUARDS}::test_whenever_the_power_goes_a_torn_tail_is_in_its_log_or_in_quarantine",),
    ),
    Mutant(
        "name_of_the_quarantine_not_synced",
        "the name of the quarantine is synced before the tail is cut",
        "mq/journal/quarantine.py",
        "self._files.sync_directory(self._data)",
        "pass",
        (f"{_GUARDS}::test_whenever_the_power_goes_a_torn_tail_is_in_its_log_or_in_quarantine",),
    ),
    Mutant(
        "half_a_copy_kept",
        "half a copy of a torn tail is deleted",
        "mq/journal/quarantine.py",
        "self._files.remove(copy)  #",
        "pass  #",
        (f"{_GUARDS}::test_half_a_copy_of_a_torn_tail_is_not_kept",),
    ),
    Mutant(
        "torn_tail_not_cut",
        "a torn tail is cut",
        "mq/journal/mending.py",
        "files.truncate(step.path, step.start)",
        "pass",
        (f"{_TORN}::test_what_is_behind_the_last_frame_and_is_none_is_torn",),
    ),
    Mutant(
        "damage_below_the_mark_cut",
        "what is wrong below the mark is damage, and fenced",
        "mq/journal/survey.py",
        "if layout.MARK in names else None",
        "if not names else None",
        (f"{_TORN}::test_a_cut_below_the_mark_is_damage_and_its_offsets_are_gone_for_good",),
    ),
    Mutant(
        "unreadable_taken_for_torn",
        "what the disk does not give is not taken for a torn tail",
        "mq/journal/plan.py",
        "if tail.unreadable >= 0 and",
        "if False and",
        ("tests/journal/test_journal_unreadable.py::test_a_log_whose_end_cannot_be_read_takes_nothing_until_it_can",),
    ),
    Mutant(
        "doubtful_frames_cut",
        "a rest with frames that may be true is not cut",
        "mq/journal/plan.py",
        "tail.doubt.beyond is not None",
        "False",
        ("tests/journal/test_journal_doubt.py::test_durable_records_between_a_wound_and_a_torn_tail_are_not_cut",),
    ),
    Mutant(
        "another_topics_log_cut",
        "another topic's log is not cut",
        "mq/journal/plan.py",
        "if tail.size == 0 and tail.doubt.foreign:",
        "if False:",
        ("tests/journal/test_journal_doubt.py::test_another_topics_log_is_not_cut_and_takes_nothing",),
    ),
    Mutant(
        "log_shorter_than_its_mark",
        "a log that is shorter than its mark says is damaged",
        "mq/journal/survey.py",
        "if mark.position > active.size or mark.position == 0:",
        "if mark.position == 0:",
        (f"{_TORN}::test_a_cut_below_the_mark_is_damage_and_its_offsets_are_gone_for_good",),
    ),
    Mutant(
        "appended_behind_a_wrong_header",
        "the frame that ended at the mark still does",
        "mq/journal/survey.py",
        "return (end, header.next_offset) == (mark.position, mark.next)",
        "return True",
        (f"{_SHIFTED}::test_what_is_appended_behind_bytes_that_moved_is_served",),
    ),
    Mutant(
        "lost_offsets_used_again",
        "behind damage offsets go on where the mark says",
        "mq/journal/plan.py",
        "Floor(*map(max, tail.floor, (mark.next, mark.epoch, mark.appended)))",
        "tail.floor",
        (f"{_TORN}::test_a_cut_below_the_mark_is_damage_and_its_offsets_are_gone_for_good",),
    ),
    Mutant(
        "missing_segment_forgotten",
        "a segment that was marked, and is missing, is damage",
        "mq/journal/plan.py",
        "return not segments or mark.base > segments[-1].base",
        "return not segments",
        (f"{_WOUNDS}::test_a_missing_segment_is_a_gap",),
    ),
]
