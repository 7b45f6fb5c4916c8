"""Nothing is promised that there is not: the dashboard, the alerts and the table name what a broker tells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from broker_process import BrokerProcess
from conftest import SocketFactory
from metrics_kit import everything_told, families, promtool, scraped
from promised import ALERTS, DASHBOARD, PAGE, SCRAPING, expressions, names_in, panels, variables


@pytest.fixture
def told(broker: BrokerProcess, socket: SocketFactory) -> str:
    """Return the page of a broker that has something to tell in each metric."""
    with everything_told(broker, socket):
        return scraped(broker)


def series(page: str) -> set[str]:
    """Return the names that can be asked for."""
    return {each.name for family in families(page) for each in family.samples}


def test_each_metric_of_the_dashboard_is_in_metrics(told: str) -> None:
    asked = names_in(json.dumps(DASHBOARD))
    assert len(asked) > 20
    assert asked - series(told) == set()


def test_each_metric_of_the_alerts_is_in_metrics(told: str) -> None:
    assert names_in(ALERTS.read_text("utf-8")) - series(told) == set()


def test_the_table_has_each_metric_with_its_kind_its_labels_and_its_help_and_no_other(told: str) -> None:
    rows = re.findall(r"^\| `((?:minimq|process)_\w+)` \| (\w+) \|([^|]*)\| (.*) \|$", PAGE, re.MULTILINE)
    written = {name: (kind, set(re.findall(r"`(\w+)`", labels)), purpose) for name, kind, labels, purpose in rows}
    assert len(written) == len(rows)
    there = {}
    for family in families(told):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for each in family.samples for label in each.labels} - {"le"}
        there[name] = family.type, labels, family.documentation
    assert written == there


def test_the_dashboard_can_be_pointed_at_any_data_source() -> None:
    assert variables()["datasource"]["type"] == "datasource"
    assert variables()["datasource"]["query"] == "prometheus"
    chosen = [panel["datasource"] for panel in panels()]
    chosen += [target["datasource"] for panel in panels() for target in panel["targets"]]
    chosen += [each["datasource"] for each in variables().values() if each["type"] == "query"]
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in chosen)


def test_each_panel_says_what_it_shows_in_a_unit_on_a_place_of_its_own() -> None:
    assert all(panel["title"] and panel["description"].endswith(".") for panel in panels())
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in panels())
    assert len({each["id"] for each in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for each in DASHBOARD["panels"]:
        place = each["gridPos"]
        mine = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert all(x < 24 for x, _ in mine)
        assert not mine & taken, each["title"]
        taken |= mine


def test_promtool_takes_the_alerts_the_configuration_and_all_that_the_dashboard_asks(tmp_path: Path) -> None:
    for kind, path in (("rules", ALERTS), ("config", SCRAPING)):
        done = promtool("check", kind, str(path))
        assert done.returncode == 0, done.stdout + done.stderr
    recorded = [{"record": f"r{number}", "expr": asked} for number, asked in enumerate(expressions())]
    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))  # JSON is YAML too
    done = promtool("check", "rules", str(rules))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_says_what_to_do_and_is_named_on_the_page() -> None:
    alerts = re.findall(r"alert: (\w+)(.*?)(?=- alert:|\Z)", ALERTS.read_text("utf-8"), re.DOTALL)
    assert len(alerts) > 5
    for name, rest in alerts:
        assert re.search(r'action: "[A-Z].*\."', rest), name
        assert re.search(r"severity: (warning|critical)", rest), name


def test_each_trouble_is_an_alert_and_a_broker_that_is_well_alarms_nobody(tmp_path: Path) -> None:
    cases = Path(__file__).with_name("alerts_test.yml").read_text("utf-8")
    names = re.findall(r"alert: (\w+)", ALERTS.read_text("utf-8"))
    assert all(cases.count(name) == 2 for name in names)
    path = tmp_path / "alerts_test.yml"
    path.write_text(cases.replace("- RULES", f"- {ALERTS}"))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
