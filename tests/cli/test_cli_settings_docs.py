"""``docs/settings.md`` has every setting and every variable, as they are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from collectors.readers import METRICS
from collectors.settings import HOST_PROC, INTERVAL_S_MAX, INTERVAL_S_MIN
from mq.config import BROKER_DEFAULT, FILE_DEFAULT, NUMBERS, load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
ROWS = {found[1]: found[0] for found in re.finditer(r"^\| `(\w+)` \|.*$", PAGE, re.MULTILINE)}
SETTINGS = NUMBERS
VARIABLE = re.compile(r'(?:environ(?:\.get\(|\[)|\nVARIABLE = |envvar=|for name in \()"([A-Z_]+)"(?:, "([A-Z_]+)")?')


def cells(name: str) -> list[str]:
    return [cell.strip() for cell in ROWS[name].strip("|").split("|")]


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_is_there_with_its_default_its_unit_and_its_least(name: str) -> None:
    setting = SETTINGS[name]
    _, default, unit, least, bounds = cells(name)
    assert (default, least) == (f"{setting.default:,}", f"{setting.metadata['least']:,}")
    assert unit in name.split("_") or (unit == "seconds" and name.endswith("_s"))
    assert bounds.endswith(".")


def test_no_setting_is_there_that_there_is_not() -> None:
    assert {name for name in ROWS if name.islower()} == set(SETTINGS)


def test_the_example_is_a_file_that_works(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    (tmp_path / FILE_DEFAULT).write_text(found[1])
    chosen = tomllib.loads(found[1])["broker"]
    assert {name: getattr(load({}, tmp_path), name) for name in chosen} == chosen
    variable, value = re.findall(r"`MINIMQ_(\w+)=(\d+)`", PAGE)[0]
    assert getattr(load({f"MINIMQ_{variable}": value}, tmp_path), variable.lower()) == int(value)


def test_every_variable_that_the_code_asks_for_is_there() -> None:
    sources = [path for room in ("mq", "collectors", "viewer") for path in (ROOT / room).rglob("*.py")]
    asked = {name for path in sources for pair in VARIABLE.findall(path.read_text("utf-8")) for name in pair if name}
    assert asked >= {"MINIMQ_BROKER", "MINIMQ_CONFIG", "BROKER_URL", "HOST_MODE"}
    assert asked - {"PATH_INFO"} == {name for name in ROWS if name.isupper()}


def test_defaults_and_bounds_of_the_variables_are_as_told() -> None:
    assert cells("MINIMQ_BROKER")[1] == f"`{BROKER_DEFAULT}`"
    assert cells("INTERVAL_SECONDS")[2] == ", ".join(f"{name}: {it.interval_s:g}" for name, it in METRICS.items())
    assert f"{INTERVAL_S_MIN:g} to {INTERVAL_S_MAX:,.0f}" in ROWS["INTERVAL_SECONDS"]
    assert all(f"`{name}`" in ROWS["METRIC_TYPE"] for name in METRICS)
    assert all(f"`{path}`" in ROWS["HOST_MODE"] for path in HOST_PROC)
