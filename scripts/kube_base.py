"""Writes what in kube/ follows from elsewhere: the kustomize base is what the chart renders. Run it with ``make kube``.

The chart is where objects are written down. It gets the package's version, the broker's settings with the least of
each, and the dashboard from docs/grafana.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import helm_python

from mq import __version__
from mq.config import NUMBERS

ROOT = Path(__file__).parents[1]
CHART, BASE = Path("kube/chart"), Path("kube/base")
DASHBOARD = Path("docs/grafana/minimq.json")
HEADER = "# Made from kube/chart by 'make kube': change it there.\n"
_VERSIONS = re.compile(r"^(version|appVersion): .*$", re.MULTILINE)
_SETTINGS = re.compile(r'(?<="properties": )\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}(?=\s*\}\s*\}\s*\}\s*$)')


def chart_files(root: Path) -> dict[Path, str]:
    """Return those files of the chart that hold something from elsewhere, by path, as they should be."""
    about, schema = CHART / "Chart.yaml", CHART / "values.schema.json"
    return {
        about: _VERSIONS.sub(rf"\1: {__version__}", (root / about).read_text("utf-8")),
        schema: _SETTINGS.sub(_settings(), (root / schema).read_text("utf-8")),
        CHART / "dashboard.json": (root / DASHBOARD).read_text("utf-8"),
    }


def base_files(root: Path) -> dict[Path, str]:
    """Return the base: what the chart renders by its defaults, a file a template, and the list of them."""
    with helm_python.Chart.load(root / CHART) as chart:
        rendered = chart.render(name="minimq")
    objects = {Path(path).name: text.strip() for path, text in rendered.items() if path.endswith(".yaml")}
    kept = {name: text for name, text in sorted(objects.items()) if text}
    names = "".join(f"  - {name}\n" for name in kept)
    listed = f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{names}"
    return {
        BASE / "kustomization.yaml": HEADER + listed,
        **{BASE / name: f"{HEADER}\n{text}\n" for name, text in kept.items()},
    }


def _settings() -> str:
    """Return the broker's settings as properties of a JSON schema, a line each."""
    kinds = {int: "integer", float: "number"}
    rows = [
        f"        {json.dumps(name)}: "
        f"{json.dumps({'type': kinds[type(each.default)], 'minimum': each.metadata['least']})}"
        for name, each in NUMBERS.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n      }"


def _write(root: Path, files: dict[Path, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def main() -> int:
    """Write all of it, and take away what is no longer made."""
    _write(ROOT, chart_files(ROOT))
    made = base_files(ROOT)
    for path in (ROOT / BASE).glob("*"):
        if path.relative_to(ROOT) not in made:
            path.unlink()
    _write(ROOT, made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
