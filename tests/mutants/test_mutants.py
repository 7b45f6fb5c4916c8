"""Each guard is missed when it is taken out: a named test turns red. ``make mutants`` prints them as a table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from all_mutants import MUTANTS, TESTS
from mutant import Moved, Mutant
from mutant_run import GREEN, ROOT, copy_project, is_case_of, run, survived, try_out

BY_NAME = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("mutants") / "project")


@BY_NAME
def test_what_a_mutant_replaces_stands_there_once(mutant: Mutant) -> None:
    mutant.find(ROOT)


def test_each_mutant_has_a_name_of_its_own_and_names_its_tests() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(mutant.tests for mutant in MUTANTS)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_with_every_guard_in_its_place_all_named_tests_are_green(project: Path) -> None:
    outcome = run(project, TESTS)
    assert outcome.code == GREEN, outcome.said
    assert all(any(is_case_of(case, test) for case in outcome.passed) for test in TESTS)


@pytest.mark.slow
@BY_NAME
def test_without_a_guard_the_tests_that_it_is_named_with_turn_red(mutant: Mutant, project: Path) -> None:
    outcome = try_out(mutant, project)
    assert survived(mutant, outcome) is None, outcome.said


# --- the trying itself --------------------------------------------------------------------------------------------

OF_A_SYNC = "tests/journal/test_journal_faults.py::test_a_failed_sync_at_a_roll_fences_and_appends_nothing"
LOCK = "fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)"


def of_the_lock(new: str, test: str = OF_A_SYNC) -> Mutant:
    return Mutant("lock", "the lock", "mq/journal/lock.py", LOCK, new, (test,))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "why"),
    [
        (of_the_lock("pass"), "nobody misses this guard"),
        (of_the_lock("pass", f"{OF_A_SYNC}_of_any_kind"), "could not be run: pytest ended with 4"),
        (of_the_lock("pass pass"), "could not be run: pytest ended with 4"),
        (of_the_lock("nothing_of_that_name"), "red for another reason than the guard: .*NameError"),
    ],
    ids=["missed_by_nobody", "no_such_test", "no_python", "no_such_name"],
)
def test_what_is_no_proof_does_not_count(mutant: Mutant, why: str, project: Path) -> None:
    found = survived(mutant, try_out(mutant, project))
    assert found is not None
    assert re.search(why, found)


def test_code_that_has_moved_on_is_named() -> None:
    moved = of_the_lock("pass")._replace(old="flock of another day")
    with pytest.raises(Moved, match=r"mq/journal/lock\.py has 0 times, and not once, .*: adapt the mutant"):
        moved.find(ROOT)
