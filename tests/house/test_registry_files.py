"""Every registered method has a test of its own name, and names its paper where it is read."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from mcgurk import registry

TESTS = Path(__file__).resolve().parents[1]
CASES = [(room, name) for room in registry.ROOMS if registry.offered(room) for name in registry.own(room)]


def file_of(room: str, name: str) -> str:
    return registry.entry(room, name).target.partition(":")[0]


@pytest.mark.parametrize(("room", "file"), sorted({(room, file_of(room, name)) for room, name in CASES}))
def test_a_file_has_a_test_of_its_name(room: str, file: str) -> None:
    assert (TESTS / room / f"test_{file}.py").exists(), f"write tests/{room}/test_{file}.py for src/mcgurk/{room}/{file}.py"


@pytest.mark.parametrize(("room", "name"), [case for case in CASES if registry.entry(*case).paper])
def test_a_method_with_a_paper_cites_it(room: str, name: str) -> None:
    text = inspect.getdoc(registry.find(room, name)) or ""
    assert "Source:" in text, f"{room}:{name} has a paper in the registry and no Source: in its docstring"
    years = {word.strip(",;.:()") for word in text.split("Source:", 1)[1].split()}
    wanted = [
        word.strip(",;") for word in registry.entry(room, name).paper.split() if word.strip(",;").isdigit() and len(word.strip(",;")) == 4
    ]
    assert not wanted or years & set(wanted), f"{room}:{name}: the registry's paper is of {wanted}, its docstring cites another"


@pytest.mark.parametrize(("room", "name"), CASES)
def test_an_entry_says_what_it_is(room: str, name: str) -> None:
    entry = registry.entry(room, name)
    assert entry.summary and not entry.summary.endswith("."), f"{room}:{name} needs a summary without a full stop"
    assert entry.role
    assert set(entry.targets) <= {"classes", "multilabel", "number", "count"}
