"""Takes out one guard after the other and shows which test misses it. Run it with ``make mutants``.

With ``make mutants ARGS="mark lock"`` only those mutants are tried whose names hold one of these words.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "mutants"))

from all_mutants import MUTANTS
from mutant import Mutant
from mutant_run import GREEN, Outcome, copy_project, run, survived, try_out

AT_ONCE = 2


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def chosen(words: list[str]) -> list[Mutant]:
    """Return the mutants whose names hold one of the words, all where there is none."""
    return [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]


def rows(mutant: Mutant, outcome: Outcome) -> list[tuple[str, str, str, str]]:
    """Return a mutant's lines in the table: one a test, the seconds in the first."""
    noticed = survived(mutant, outcome) is None
    verdicts = ["red" if noticed or outcome.red(test) else "GREEN" for test in mutant.tests]
    names = [mutant.name, *[""] * (len(mutant.tests) - 1)]
    seconds = [f"{outcome.seconds:.1f}", *[""] * (len(mutant.tests) - 1)]
    short = [test.removeprefix("tests/") for test in mutant.tests]
    return list(zip(names, verdicts, seconds, short, strict=True))


def show(mutant: Mutant, outcome: Outcome, width: int) -> str | None:
    """Print what came of a mutant, and return what is wrong with that."""
    for name, verdict, seconds, test in rows(mutant, outcome):
        say(f"{name:{width}}  {verdict:5}  {seconds:>5}  {test}")
    why = survived(mutant, outcome)
    return why and f"{mutant.name} ({mutant.guard}): {why}\n{outcome.said}"


def outcomes(mutants: list[Mutant], projects: list[Path]) -> Iterator[tuple[Mutant, Outcome]]:
    """Yield what came of each mutant, in order; as many are tried at a time as there are copies of the project."""
    free: SimpleQueue[Path] = SimpleQueue()
    for project in projects:
        free.put(project)

    def attempt(mutant: Mutant) -> Outcome:
        project = free.get()
        try:
            return try_out(mutant, project)
        finally:
            free.put(project)

    with ThreadPoolExecutor(len(projects)) as pool:
        yield from zip(mutants, pool.map(attempt, mutants), strict=True)


def main() -> int:
    """Try them all, two at a time, and return 0 when each is missed, and all is green with every guard in place."""
    mutants, began = chosen(sys.argv[1:]), time.monotonic()
    if not mutants:
        say(f"there is no mutant with one of these words in its name: {' '.join(sys.argv[1:])}")
        return 1
    width = max(len(mutant.name) for mutant in mutants)
    with tempfile.TemporaryDirectory(prefix="minimq-mutants-") as directory:
        projects = [copy_project(Path(directory) / f"project{number}") for number in range(AT_ONCE)]
        tests = dict.fromkeys(test for mutant in mutants for test in mutant.tests)
        whole = run(projects[0], tests)
        if whole.code != GREEN:
            say(f"with every guard in its place not all is green:\n{whole.said}")
            return 1
        say(f"{'mutant':{width}}  {'':5}  {'s':>5}  test")
        say(f"{'(none)':{width}}  green  {whole.seconds:5.1f}  all {len(whole.passed)} cases of {len(tests)} tests")
        wrong = [show(mutant, outcome, width) for mutant, outcome in outcomes(mutants, projects)]
    survivors = [why for why in wrong if why is not None]
    for why in survivors:
        say(f"\n{why}")
    say(f"{len(mutants) - len(survivors)} of {len(mutants)} guards are missed, in {time.monotonic() - began:.0f} s")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
