"""All mutants, and the tests that are named with them."""

from __future__ import annotations

from broker_mutants import BROKER_MUTANTS
from consumer_mutants import CONSUMER_MUTANTS
from deleting_mutants import DELETING_MUTANTS
from disk_mutants import MARK_MUTANTS, OPENING_MUTANTS, SYNC_MUTANTS
from log_mutants import APPEND_MUTANTS, KEEPING_MUTANTS, READING_MUTANTS
from producing_mutants import IDEMPOTENCE_MUTANTS, LANE_MUTANTS, LEDGER_MUTANTS
from recovery_mutants import RECOVERY_MUTANTS

MUTANTS = [
    *SYNC_MUTANTS,
    *MARK_MUTANTS,
    *OPENING_MUTANTS,
    *APPEND_MUTANTS,
    *READING_MUTANTS,
    *RECOVERY_MUTANTS,
    *KEEPING_MUTANTS,
    *DELETING_MUTANTS,
    *BROKER_MUTANTS,
    *IDEMPOTENCE_MUTANTS,
    *LANE_MUTANTS,
    *LEDGER_MUTANTS,
    *CONSUMER_MUTANTS,
]
TESTS = tuple(dict.fromkeys(test for mutant in MUTANTS for test in mutant.tests))
