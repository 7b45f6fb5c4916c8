"""What an import brings with it: a format must stay light, or a collector is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mq
from mq import errors

ROOT = Path(__file__).parents[1]
HEAVY = ["zmq", "typer", "psutil", "asyncio", "zstandard", "waitress", "prometheus_client", "numpy", "bokeh", "panel"]


def modules_after(statement: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter holds after a statement."""
    program = f"{statement}; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import mq", ["msgpack", "google_crc32c", "mq.frame", "mq.errors", *HEAVY]),
        ("import mq.errors", ["msgpack", "google_crc32c", *HEAVY]),
        ("import mq.topic", ["msgpack", "google_crc32c", *HEAVY]),
        ("import mq.body", ["google_crc32c", *HEAVY]),
        ("import mq.frame", HEAVY),
        ("import mq.protocol", ["google_crc32c", *HEAVY]),
        ("import mq.config", HEAVY),
        ("import mq; mq.Gap", ["msgpack", "mq.client", *HEAVY]),
    ],
)
def test_an_import_brings_nothing_that_it_does_not_need(statement: str, absent: list[str]) -> None:
    brought = modules_after(statement)
    assert "mq" in brought
    assert sorted(brought.intersection(absent)) == []


def test_each_public_error_is_the_one_in_its_room() -> None:
    public = {name for name in mq.__all__ if hasattr(errors, name)}
    assert public >= {"MqError", "Gap", "Trimmed", "Rewound", "Refused", "TimedOut", "NotStored", "CodecMissing"}
    for name in public:
        assert getattr(mq, name) is getattr(errors, name)
        assert name in dir(mq)


def test_each_error_that_the_client_raises_is_public() -> None:
    sources = [
        *(ROOT / "mq" / "client").glob("*.py"),
        *(ROOT / "mq" / name for name in ("topic.py", "frame.py", "body.py")),
    ]
    raised = {name for path in sources for name in re.findall(r"(?:raise|return) ([A-Z]\w+)\(", path.read_text())}
    assert {name for name in raised if hasattr(errors, name)} <= set(mq.__all__)


def test_a_name_that_is_not_public_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mq' has no attribute 'Consumer'"):
        mq.Consumer  # noqa: B018 - the look-up is what is tested


def test_every_error_that_callers_see_is_one_family() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(issubclass(kind, errors.MqError) and kind.__doc__ for kind in kinds)
