"""Mutants of what gets to the disk: syncs, the fence behind one that failed, marks, the epoch, the lock."""

from __future__ import annotations

from mutant import Mutant

_FAULTS = "tests/journal/test_journal_faults.py"
_GUARDS = "tests/journal/test_journal_guards.py"
_OPENING = "tests/journal/test_journal_opening.py"
_TORN = "tests/journal/test_journal_torn.py"

SYNC_MUTANTS = [
    Mutant(
        "no_fdatasync",
        "a sync of a file is asked of the kernel",
        "mq/journal/files.py",
        "os.fdatasync(descriptor)",
        "pass",
        (f"{_GUARDS}::test_a_sync_asks_the_kernel_for_the_log_and_each_directory_on_the_way_to_it",),
    ),
    Mutant(
        "no_fsync_of_directories",
        "a sync of a directory is asked of the kernel",
        "mq/journal/files.py",
        "os.fsync(descriptor)",
        "pass",
        (f"{_GUARDS}::test_a_sync_asks_the_kernel_for_the_log_and_each_directory_on_the_way_to_it",),
    ),
    Mutant(
        "no_syncfs",
        "a sync of the whole file system is asked of the kernel",
        "mq/journal/files.py",
        "if _libc().syncfs(descriptor) != 0:",
        "if False:",
        (f"{_GUARDS}::test_a_sync_of_the_file_system_asks_the_kernel",),
    ),
    Mutant(
        "log_not_synced",
        "a log that was written to is synced",
        "mq/journal/topic_log.py",
        "self._files.sync(self._open.get(path))",
        "self._open.get(path)",
        (f"{_FAULTS}::test_a_sync_covers_what_an_earlier_life_left_unsynced",),
    ),
    Mutant(
        "many_logs_not_synced",
        "many logs are synced by one call",
        "mq/journal/syncing.py",
        "self._files.sync_filesystem(self._descriptor)",
        "pass",
        (f"{_FAULTS}::test_a_failed_sync_of_the_file_system_fences_too",),
    ),
    Mutant(
        "written_to_and_forgotten",
        "what was written is on the list of what to sync",
        "mq/journal/file_journal.py",
        "        self._syncing.dirty.add(log)\n        return run",
        "        return run",
        (f"{_FAULTS}::test_a_mark_is_written_only_after_what_it_speaks_of_is_synced",),
    ),
    Mutant(
        "directories_not_synced",
        "the directories on the way to a log are synced with it",
        "mq/journal/syncing.py",
        "self._sync(chain(logs, places), len(dirty) + len(directories))",
        "self._sync(logs, len(dirty))",
        (f"{_FAULTS}::test_a_sync_covers_what_an_earlier_life_left_unsynced",),
    ),
    Mutant(
        "new_directories_forgotten",
        "the directories made for a new topic are on the list of what to sync",
        "mq/journal/file_journal.py",
        "self._syncing.directories.update(directories)",
        "pass",
        (f"{_FAULTS}::test_a_failed_sync_fences_the_journal_for_good[host]",),
    ),
    Mutant(
        "way_to_the_data_not_synced",
        "the names that lead to the data directory are synced",
        "mq/journal/layout.py",
        "            files.sync_directory(directory)",
        "            pass",
        (f"{_FAULTS}::test_the_names_that_lead_to_the_data_are_on_the_disk_before_anything_in_it",),
    ),
    Mutant(
        "earlier_life_not_synced",
        "the first sync covers what an earlier life wrote and did not sync",
        "mq/journal/file_journal.py",
        "if not opened.clean:",
        "if False:",
        (f"{_FAULTS}::test_a_sync_covers_what_an_earlier_life_left_unsynced",),
    ),
    Mutant(
        "closed_and_not_synced",
        "a segment is synced before it is closed",
        "mq/journal/upkeep.py",
        "self._fence.sync(lambda: self._syncing.sync_log(log))",
        "pass",
        (f"{_FAULTS}::test_a_failed_sync_at_a_roll_fences_and_appends_nothing",),
    ),
    Mutant(
        "failed_sync_tried_again",
        "a sync that failed is not asked for again",
        "mq/journal/fence.py",
        'self.failure = f"a sync failed',
        'return call() or f"a sync failed',
        (f"{_FAULTS}::test_a_failed_sync_fences_the_journal_for_good",),
    ),
    Mutant(
        "failed_sync_forgotten",
        "a sync that failed is remembered",
        "mq/journal/fence.py",
        'self.failure = f"a sync failed',
        'why = f"a sync failed',
        (f"{_FAULTS}::test_a_failed_sync_fences_the_journal_for_good",),
    ),
    Mutant(
        "appended_behind_the_fence",
        "after a sync that failed nothing is appended",
        "mq/journal/file_journal.py",
        'raise AppendFailed("journal_failed", self.failure)',
        "pass",
        (f"{_FAULTS}::test_a_failed_sync_fences_the_journal_for_good",),
    ),
]

MARK_MUTANTS = [
    Mutant(
        "no_mark",
        "a checkpoint writes marks",
        "mq/journal/syncing.py",
        "            log.write_mark()\n",
        "            pass\n",
        (f"{_FAULTS}::test_after_close_nothing_is_left_unsynced",),
    ),
    Mutant(
        "mark_not_synced",
        "a mark is synced",
        "mq/journal/topic_log.py",
        "            self._files.sync(descriptor)",
        "            pass",
        (f"{_FAULTS}::test_after_close_nothing_is_left_unsynced",),
    ),
    Mutant(
        "marks_never_persisted",
        "each checkpoint persists the marks of the one before",
        "mq/journal/syncing.py",
        "self._sync((log.sync_mark for log in marked), len(marked))",
        "pass",
        (f"{_FAULTS}::test_a_failed_sync_of_the_marks_fences_too",),
    ),
    Mutant(
        "mark_before_the_sync",
        "a mark is written after the sync that it speaks of",
        "mq/journal/syncing.py",
        "        self._sync(chain(logs,",
        "        self._moved |= {log: log.state.size for log in dirty}\n        self.write_marks()\n"
        "        self._sync(chain(logs,",
        (f"{_FAULTS}::test_a_mark_is_written_only_after_what_it_speaks_of_is_synced",),
    ),
    Mutant(
        "failed_mark_forgotten",
        "a mark that could not be written is written the next time",
        "mq/journal/syncing.py",
        "            self._moved[log] = since\n",
        "",
        (f"{_GUARDS}::test_a_mark_that_could_not_be_written_is_written_though_nothing_is_appended_any_more",),
    ),
    Mutant(
        "mark_unchecked",
        "a mark's checksum is checked",
        "mq/journal/mark.py",
        "if _CRC.unpack_from(data, _FIELDS.size)[0] != extend(value(name), packed):",
        "if not any(data):",
        (f"{_TORN}::test_a_mark_of_another_topic_is_as_none",),
    ),
]

OPENING_MUTANTS = [
    Mutant(
        "no_lock",
        "the lock is taken",
        "mq/journal/lock.py",
        "fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        (
            f"{_OPENING}::test_a_second_journal_on_the_directory_is_refused_and_touches_nothing",
            f"{_OPENING}::test_a_second_process_is_refused_until_the_first_is_gone",
        ),
    ),
    Mutant(
        "stranger_taken_in",
        "a directory that holds something else is refused",
        "mq/journal/meta.py",
        "    if strangers:",
        "    if False:",
        (f"{_OPENING}::test_a_directory_of_somebody_else_is_refused_untouched",),
    ),
    Mutant(
        "newer_format_taken_in",
        "a newer format is refused",
        "mq/journal/meta.py",
        "if int(found[2]) > FORMAT:",
        "if False:",
        (f"{_OPENING}::test_a_newer_format_is_refused_untouched",),
    ),
    Mutant(
        "same_epoch_again",
        "each opening raises the epoch",
        "mq/journal/meta.py",
        "(read_epoch(files, data) or 0) + 1, newest + 1,",
        "read_epoch(files, data) or 0, newest,",
        (f"{_OPENING}::test_an_epoch_is_the_time_or_one_more_than_the_last",),
    ),
    Mutant(
        "epoch_of_the_logs_ignored",
        "where the epoch is not written down the logs know it",
        "mq/journal/meta.py",
        "newest + 1, ",
        "",
        (f"{_OPENING}::test_epochs_grow_whatever_happens_to_clock_and_meta",),
    ),
    Mutant(
        "epoch_not_synced",
        "a new epoch is synced",
        "mq/journal/files.py",
        "        files.sync(descriptor)",
        "        pass",
        (f"{_FAULTS}::test_without_a_durable_epoch_nothing_opens[sync-journal.new]",),
    ),
    Mutant(
        "name_of_the_epoch_not_synced",
        "the directory is synced behind the new epoch's rename",
        "mq/journal/files.py",
        "files.sync_directory(os.path.dirname(path))",
        "pass",
        (f"{_FAULTS}::test_the_epoch_is_published_by_sync_rename_and_directory_sync_before_anything_is_appended",),
    ),
    Mutant(
        "epoch_written_over_and_not_synced",
        "on a full disk an epoch that is written over the old one is synced too",
        "mq/journal/meta.py",
        "            files.sync(descriptor)",
        "            pass",
        (f"{_GUARDS}::test_an_epoch_that_is_written_over_the_old_one_is_synced_before_anything_is_appended",),
    ),
]
