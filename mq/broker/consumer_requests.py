"""What a request about a consumer must be like, whatever consumer it is about. Raises what the desk answers."""

from __future__ import annotations

from mq.errors import BadMessage, BadName
from mq.protocol import (
    LABEL_MAX,
    Commit,
    Consumers,
    Control,
    DeleteConsumer,
    Join,
    Lease,
    Leave,
    Positions,
    ResetConsumer,
    Settle,
    is_label,
)
from mq.topic import Pattern, encode_topic, is_name

ROWS_MAX = 256
SECONDS_MAX = 3_600
LEASE_RECORDS_MAX = 1_000
_U64 = 2**64

ConsumerRequest = Join | Leave | Positions | Commit | Lease | Settle | Consumers | ResetConsumer | DeleteConsumer


def check(request: ConsumerRequest) -> None:
    """Look at all that can be told from the request alone."""
    if isinstance(request, Consumers):
        return
    _check_name(request.consumer)
    if isinstance(request, (Join, Leave, Commit, Lease, Settle)) and request.member == 0:
        raise BadMessage(f"{request.OP}: 'member' 0 is nobody's")
    match request:
        case Join():
            _check_join(request)
        case Commit() | ResetConsumer():
            _check_positions(request)
        case Lease():
            if not 0 < request.count <= LEASE_RECORDS_MAX:
                raise BadMessage(f"lease: 'count' is 1 to {LEASE_RECORDS_MAX}, not {request.count}")
        case Settle():
            _check_settle(request)


def _check_name(name: str) -> None:
    if not is_name(name):
        raise BadMessage(str(BadName(name)))


def _check_join(request: Join) -> None:
    for pattern in request.patterns:
        Pattern.parse(pattern)
    if not is_label(request.label):
        raise BadMessage(f"join: 'label' is 1 to {LABEL_MAX} printable characters")
    if not 0 < request.seconds <= SECONDS_MAX:
        raise BadMessage(f"join: 'seconds' is 1 to {SECONDS_MAX}, not {request.seconds}")


def _check_positions(request: Commit | ResetConsumer) -> None:
    if not 0 < len(request.positions) <= ROWS_MAX:
        raise BadMessage(f"{request.OP}: there are 1 to {ROWS_MAX} positions, not {len(request.positions)}")
    for row in request.positions:
        _check_row(request, row)
    if len({row[0] for row in request.positions}) < len(request.positions):
        raise BadMessage(f"{request.OP}: a topic is named twice")


def _check_settle(request: Settle) -> None:
    rows = [*request.done, *request.failed, *request.unused]
    if not 0 < len(rows) <= ROWS_MAX:
        raise BadMessage(f"settle: there are 1 to {ROWS_MAX} rows in all, not {len(rows)}")
    for row in rows:
        _check_row(request, row)
        if row[1] >= row[2]:
            raise BadMessage(f"settle: from {row[1]} to {row[2]} there is no record")


def _check_row(request: Control, row: object) -> None:
    if type(row) is not list or list(map(type, row)) != [str, int, int] or not all(0 <= it < _U64 for it in row[1:]):
        raise BadMessage(f"{request.OP}: a row is a topic and two numbers")
    encode_topic(row[0])
