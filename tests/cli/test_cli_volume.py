"""Data in a container without a volume: refused before anything is written, where the environment wants one."""

from __future__ import annotations

from pathlib import Path

import pytest
from broker_process import NAMES
from cli_kit import minimq

from mq.cli.volume import VARIABLE, refuse_without_volume
from mq.errors import BadSetting

IN_A_CONTAINER = str(Path(__file__).parents[1] / "data" / "proc" / "docker-cgroup1" / "self" / "mountinfo")
WANTED = {VARIABLE: "true"}


@pytest.mark.parametrize("data", ["/app/data", "/", "/host", "/host/rooted"])
def test_what_is_on_no_volume_is_refused_with_how_to_mount_one(data: str) -> None:
    with pytest.raises(BadSetting, match=r"is on no volume, .*docker run --volume minimq:/"):
        refuse_without_volume(data, WANTED, IN_A_CONTAINER)


@pytest.mark.parametrize("data", ["/host/root", "/host/root/srv/data", "/tmp/data", "/tmp/../tmp/data/"])  # noqa: S108
def test_a_volume_and_what_is_below_one_will_do(data: str) -> None:
    refuse_without_volume(data, WANTED, IN_A_CONTAINER)


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}, {VARIABLE: "false"}, {VARIABLE: "0"}])
def test_where_none_is_wanted_none_is_needed(environ: dict[str, str]) -> None:
    refuse_without_volume("/app/data", environ, "/nothing/is/read")


def test_a_broker_says_so_in_one_line_and_makes_nothing(tmp_path: Path) -> None:
    data = "/minimq-is-nowhere/data"
    ports = [f"--{name}=tcp://127.0.0.1:*" for name in NAMES]
    ran = minimq("broker", "--data", data, *ports, environ=WANTED, directory=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.complaint == (
        f"minimq: --data in this container ({VARIABLE}): {data} is on no volume, so it would go when this container "
        f"goes: mount one there (docker run --volume minimq:{data} ...), or set {VARIABLE}=false"
    )
    assert not Path(data).parent.exists()
