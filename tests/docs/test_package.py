"""The wheel carries what it should, and a program that uses it passes mypy in strict mode."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from page import ROOT

RUN_S_MAX = 110
PROGRAM = """
from collections.abc import Iterator
from datetime import timedelta
from typing import assert_type

import mq


def send(broker: str) -> int:
    with mq.Producer(broker, "written", linger_s=0) as producer:
        ack = producer.send_many("notes", [b"one", b"two"])
        assert_type(ack, mq.Ack)
        return ack.result(5).offset


def read(broker: str) -> Iterator[bytes]:
    with mq.replay(broker, "notes", start=timedelta(minutes=1)) as notes:
        for batch in notes.batches():
            assert_type(batch.records, list[bytes])
            yield from batch.records
    try:
        with mq.Subscriber(broker, ["notes"], consumer="reader") as subscriber:
            message = subscriber.receive(1)
            assert_type(message, mq.Message | None)
            subscriber.commit()
    except mq.Gap as gap:
        assert_type(gap.next, int)
    except mq.NotStored as error:
        assert_type(error.seconds, float)
"""
WRONG = 'import mq\n\nmq.Producer("tcp://127.0.0.1:5557", durability="hoped")\n'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from this tree."""
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=RUN_S_MAX)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with the wheel in it; what it depends on is that of this one."""
    place = tmp_path_factory.mktemp("downstream")
    making = [sys.executable, "-m", "venv", "--without-pip", str(place)]
    subprocess.run(making, check=True, capture_output=True, timeout=RUN_S_MAX)
    packages = next(place.glob("lib/python*/site-packages"))
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return place


def checked(program: str, installed: Path, place: Path) -> subprocess.CompletedProcess[str]:
    """Return what mypy says of a program that somebody wrote elsewhere."""
    (place / "program.py").write_text(program)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installed / "bin" / "python")]
    command = [*mypy, "--config-file=", "--cache-dir", str(place / "cache"), "program.py"]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=RUN_S_MAX, check=False)


def test_the_wheel_has_the_three_packages_and_says_that_it_is_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "mq/py.typed" in names
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"mq", "collectors", "viewer"}
    assert not [name for name in names if name.endswith((".pyc", ".key", ".env"))]


def test_a_program_that_uses_the_installed_package_is_clean_by_mypy(installed: Path, tmp_path: Path) -> None:
    done = checked(PROGRAM, installed, tmp_path)
    assert done.stdout == "Success: no issues found in 1 source file\n", done.stdout + done.stderr


def test_a_program_that_uses_it_wrongly_is_told(installed: Path, tmp_path: Path) -> None:
    assert "[arg-type]" in checked(WRONG, installed, tmp_path).stdout
