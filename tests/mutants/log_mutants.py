"""Mutants of what becomes of a log: appending, reading, and what is kept."""

from __future__ import annotations

from mutant import Mutant

_APPEND = "tests/journal/test_journal_append.py"
_FAULTS = "tests/journal/test_journal_faults.py"
_GUARDS = "tests/journal/test_journal_guards.py"
_INDEX = "tests/journal/test_journal_index.py"
_READING = "tests/journal/test_journal_reading.py"
_RETENTION = "tests/journal/test_retention.py"
_TIDYING = "tests/journal/test_journal_tidying.py"
_TRIM = "tests/journal/test_journal_trim.py"
_WOUNDS = "tests/journal/test_journal_wounds.py"

APPEND_MUTANTS = [
    Mutant(
        "failed_write_not_cut_back",
        "a write that failed is rolled back",
        "mq/journal/topic_log.py",
        "self._files.truncate(path, self.state.size)",
        "pass",
        (f"{_FAULTS}::test_a_failed_write_leaves_no_trace_and_no_hole",),
    ),
    Mutant(
        "short_write_taken_for_whole",
        "a write that took less than all of it has failed",
        "mq/journal/topic_log.py",
        "if written != len(data):",
        "if False:",
        (f"{_FAULTS}::test_a_failed_write_leaves_no_trace_and_no_hole[3-a short write]",),
    ),
    Mutant(
        "short_write_not_cut_back",
        "a short write is rolled back",
        "mq/journal/topic_log.py",
        '            self._roll_back()\n            raise AppendFailed("disk_full"',
        '            raise AppendFailed("disk_full"',
        (f"{_FAULTS}::test_a_failed_write_leaves_no_trace_and_no_hole[3-a short write]",),
    ),
    Mutant(
        "appended_behind_what_could_not_be_cut",
        "a log of which a failed write cannot be cut takes nothing",
        "mq/journal/topic_log.py",
        'raise AppendFailed("journal_failed", self.broken)',
        "pass",
        (f"{_FAULTS}::test_a_fence_that_cannot_be_made_stops_only_its_topic",),
    ),
    Mutant(
        "seen_before_it_is_written",
        "readers are told of an append once it is written",
        "mq/journal/topic_log.py",
        "        self._write(data)\n",
        "        self.state = state._replace(size=state.size + len(data), next=offset)\n        self._write(data)\n",
        (f"{_FAULTS}::test_a_failed_write_leaves_no_trace_and_no_hole",),
    ),
    Mutant(
        "time_follows_the_clock_back",
        "the time of appending never falls",
        "mq/journal/topic_log.py",
        "max(now, state.appended)",
        "now",
        (f"{_GUARDS}::test_a_clock_that_goes_back_costs_no_record",),
    ),
    Mutant(
        "topics_without_end",
        "there are at most topics_max topics",
        "mq/journal/file_journal.py",
        "if len(self._catalog) >= self._topics_max:",
        "if False:",
        (f"{_APPEND}::test_one_topic_too_many_is_refused_and_the_others_go_on",),
    ),
]

READING_MUTANTS = [
    Mutant(
        "body_unchecked_on_reading",
        "a body's checksum is checked whenever it is read",
        "mq/journal/window.py",
        "if body_holds(whole[: len(name) + _CRC_COVERS], header, body) else None",
        "if whole.endswith(body) else None",
        (f"{_WOUNDS}::test_the_last_frame_damaged_is_not_the_last_frame_served",),
    ),
    Mutant(
        "header_unchecked_on_reading",
        "a header's checksum is checked whenever it is read",
        "mq/frame.py",
        " or value(buffer[at : start + HEADER_SIZE - 4]) != header.head_crc",
        "",
        ("tests/test_frame.py::test_no_flipped_bit_of_a_stamped_frame_goes_unseen",),
    ),
    Mutant(
        "body_unchecked_by_the_receiver",
        "whoever receives a frame checks its body",
        "mq/frame.py",
        " or not body_holds(frame[: nul + 1 + _CRC_AT], header, body)",
        "",
        ("tests/test_frame.py::test_no_flipped_bit_of_a_stamped_frame_goes_unseen",),
    ),
    Mutant(
        "hole_unseen",
        "the next frame has the offset that is due",
        "mq/journal/scan.py",
        "found.header.offset != floor.offset or ",
        "",
        (f"{_WOUNDS}::test_bytes_put_in_between_or_taken_out_cost_only_what_they_touch",),
    ),
    Mutant(
        "frame_in_the_wrong_place_believed",
        "a good frame counts only where it fits",
        "mq/journal/scan.py",
        " or not follows(found.header, floor, limit)",
        "",
        (f"{_GUARDS}::test_a_good_frame_of_an_earlier_life_is_not_served_where_a_later_one_stood",),
    ),
    Mutant(
        "gap_not_told",
        "the first offset behind lost records is named",
        "mq/journal/reading.py",
        "lost = first.offset if first.offset > offset else lost",
        "pass",
        (f"{_WOUNDS}::test_a_stale_page_behind_a_flipped_bit_costs_only_what_it_covers",),
    ),
    Mutant(
        "trim_not_told",
        "who wants what is trimmed is told",
        "mq/journal/reading.py",
        "if offset < state.first:",
        "if False:",
        (f"{_READING}::test_below_the_first_segment_kept_is_trimmed",),
    ),
    Mutant(
        "epoch_of_a_position_unchecked",
        "a position's epoch is held against the record before it",
        "mq/journal/reading.py",
        "if epoch is not None and offset > 0 and not self._was_there(log, state, offset, epoch):",
        "if False:",
        (f"{_READING}::test_a_wrong_epoch_is_rewound_to_where_the_next_one_begins",),
    ),
    Mutant(
        "position_past_the_end_believed",
        "who is past the end is told",
        "mq/journal/reading.py",
        "if offset > state.next:",
        "if False:",
        (f"{_READING}::test_at_the_end_there_is_nothing_and_past_it_is_rewound",),
    ),
    Mutant(
        "index_believed",
        "an entry of the index is held against the log before it is used",
        "mq/journal/reading.py",
        "if entry is not None and not is_in_log(read, log.name, entry):",
        "if False:",
        (f"{_INDEX}::test_reading_is_right_and_the_index_comes_back[_wrong_in_the_middle]",),
    ),
]

KEEPING_MUTANTS = [
    Mutant(
        "active_segment_deleted",
        "the active segment is never deleted",
        "mq/journal/topic_log.py",
        "closed = self.state.segments[:-1]",
        "closed = self.state.segments",
        (f"{_TIDYING}::test_what_is_too_old_goes_and_the_active_segment_stays",),
    ),
    Mutant(
        "next_trim_before_the_last_is_durable",
        "of several segments each is gone for good before the next one goes",
        "mq/journal/syncing.py",
        "self._sync([lambda: self._files.sync_directory(path)], 1)",
        "pass",
        (f"{_GUARDS}::test_of_several_segments_each_is_gone_for_good_before_the_next_one_goes",),
    ),
    Mutant(
        "failed_deletion_forgotten",
        "a segment that could not be deleted is still there",
        "mq/journal/topic_log.py",
        "            self.state = self.state._replace(segments=before)\n            raise",
        "            raise",
        (f"{_TRIM}::test_a_deletion_that_fails_leaves_the_log_whole",),
    ),
    Mutant(
        "less_kept_than_the_limit",
        "of bytes at least as much as the limit says is kept",
        "mq/journal/retention.py",
        "size < policy.bytes_max and ",
        "",
        (f"{_TIDYING}::test_a_topic_keeps_its_bytes",),
    ),
    Mutant(
        "jump_of_the_clock_believed",
        "a clock that jumps is not believed at once",
        "mq/journal/retention.py",
        "if abs(offset - self._believed) <= JUMP_NS or moment - self._since >= SETTLE_NS:",
        "if True:",
        (f"{_TIDYING}::test_a_clock_that_jumps_by_a_year_deletes_nothing",),
    ),
    Mutant(
        "clock_believed_at_the_start",
        "a clock that is far beyond the last record at the start is not believed",
        "mq/journal/retention.py",
        "(newest if newest and wall - newest > JUMP_NS else wall)",
        "wall",
        (f"{_RETENTION}::test_a_start_long_after_the_last_record_may_be_a_jump",),
    ),
    Mutant(
        "clock_that_went_back_ignored",
        "a clock that went back counts at once",
        "mq/journal/retention.py",
        "min(offset, self._believed)",
        "self._believed",
        (f"{_RETENTION}::test_a_jump_back_makes_everything_younger_at_once",),
    ),
]
