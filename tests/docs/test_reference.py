"""``docs/reference.md`` has every public name with all that it takes and gives, and nothing that there is not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from page import ROOT

import mq
from mq.errors import MqError

PAGE = (ROOT / "docs" / "reference.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SECTIONS = {found[1]: found[2] for found in re.finditer(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)}
CODE = re.compile(r"`([^`]+)`")
ERRORS = [name for name in mq.__all__ if isinstance(getattr(mq, name), type) and issubclass(getattr(mq, name), MqError)]
NAMES = [name for name in mq.__all__ if name not in ERRORS]
MADE = ["Producer", "Push", "Subscriber", "SharedConsumer", "replay", "last_values"]
CLASSES = [name for name in NAMES if isinstance(getattr(mq, name), type)]
# What an iterator or a context manager has, and what a tuple brings.
ORDINARY = set(dir(tuple))


def table(section: str, heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading."""
    found = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", section, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("| ").split("|")] for row in found[1].splitlines()] if found else []


def first_cells(name: str, heading: str) -> set[str]:
    return {cell for row in table(SECTIONS[f"`{name}`"], heading) for cell in CODE.findall(row[0])}


def members_of(name: str) -> Iterator[str]:
    """Yield what an object of this class has, as the page is to show it."""
    kind = getattr(mq, name)
    for each, value in vars(kind).items():
        if each.startswith("_") or each in ORDINARY or each in getattr(kind, "_fields", ()):
            continue
        if isinstance(value, property):
            yield each
        elif inspect.isfunction(value):
            yield f"{each}{plain(inspect.signature(value))}"
    if inspect.isfunction(kind.__init__):
        yield from re.findall(r"^        self\.([a-z]\w*) = ", inspect.getsource(kind.__init__), re.MULTILINE)


def plain(signature: inspect.Signature) -> str:
    """Return a signature as somebody types it: without self and types."""
    parameters = [each.replace(annotation=each.empty) for name, each in signature.parameters.items() if name != "self"]
    return str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def example_of(kind: type[MqError]) -> MqError:
    """Return an error of a kind, whatever facts it wants."""
    wanted = inspect.signature(kind.__init__).parameters if inspect.isfunction(kind.__init__) else ["self"]
    return kind(*[1] * (len(wanted) - 1))


def test_each_public_name_has_a_section_and_no_other() -> None:
    assert {found[1] for found in map(re.compile("`(.*)`").fullmatch, SECTIONS) if found} == set(NAMES)


@pytest.mark.parametrize("name", MADE)
def test_each_parameter_is_there_with_its_default(name: str) -> None:
    parameters = inspect.signature(getattr(mq, name)).parameters
    wanted = {
        each: "" if it.default is it.empty else f"`{it.default!r}`" for each, it in parameters.items() if each != "self"
    }
    assert {row[0].strip("`"): row[1] for row in table(SECTIONS[f"`{name}`"], "parameter")} == wanted


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MADE])
def test_what_the_caller_does_not_make_has_no_parameters(name: str) -> None:
    assert table(SECTIONS[f"`{name}`"], "parameter") == []


@pytest.mark.parametrize("name", CLASSES)
def test_each_member_is_there_as_it_is_called(name: str) -> None:
    fields = getattr(getattr(mq, name), "_fields", ())
    assert first_cells(name, "member") == set(() if name == "Stored" else members_of(name))
    assert first_cells(name, "field") == set(fields)


def test_each_error_is_there_with_its_kin_and_its_facts() -> None:
    rows = {row[0].strip("`"): row for row in table(SECTIONS["Errors"], "error")}
    assert set(rows) == set(ERRORS)
    for name, (_, also, facts, when) in rows.items():
        kind = getattr(mq, name)
        error = example_of(kind)
        kin = [base.__name__ for base in kind.__bases__ if base is not MqError]
        assert (CODE.findall(also), set(CODE.findall(facts))) == (kin, set(vars(error)) - {"args"}), name
        assert when.endswith(".")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_a_public_name_that_there_is_not(page: Path) -> None:
    assert set(re.findall(r"\bmq\.([A-Z]\w*)", page.read_text("utf-8"))) <= set(mq.__all__)


def test_each_name_in_code_on_the_page_that_looks_like_an_error_is_one() -> None:
    shown = {name for name in CODE.findall(PAGE) if re.fullmatch(r"[A-Z][a-z]+\w*[a-z]", name)}
    known = {*mq.__all__, "Exception", "ValueError", "TypeError", "TimeoutError", "ConnectionError", "False", "None"}
    assert shown <= known
