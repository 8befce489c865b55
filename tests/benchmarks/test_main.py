"""The benchmark command writes what it measured, and where."""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.__main__")


@pytest.fixture
def toy(command: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("benchmarks.toy")
    module.run = lambda data_root, full: {
        "seed": 3,
        "protocol": "one split",
        "accuracy": {"a": 0.87654321, "b": [1, 2.5]},
        "bad": float("nan"),
    }
    monkeypatch.setitem(sys.modules, "benchmarks.toy", module)
    monkeypatch.setattr(command, "available", lambda: {"toy": "Shows the command."})


def test_a_run_writes_page_figures_and_index(command, toy, tmp_path, capsys) -> None:
    assert command.main(["toy", "--json", "--output", str(tmp_path)]) == 0
    shown, stored = json.loads(capsys.readouterr().out), json.loads((tmp_path / "toy.json").read_text())
    assert shown == stored
    assert stored["figures"]["accuracy"]["a"] == 0.87654321 and stored["figures"]["bad"] is None
    assert {"threads", "processor", "versions", "seconds"} <= set(stored["measured"])
    page = (tmp_path / "toy.md").read_text()
    assert "| accuracy / a | 0.8765 |" in page and "| accuracy / b | 1, 2.5 |" in page and "Seed: 3" in page
    assert "- [toy](toy.md): Shows the command." in (tmp_path / "index.md").read_text()


def test_rows_of_the_same_keys_are_a_table_of_their_own(command) -> None:
    table = [{"method": "a", "score": {"estimate": 1.23456, "low": 1.0, "high": 2.0}}, {"method": "b", "score": None}]
    result = {"figures": {"runs": [{"n": {"deep": 1}}], "one": {"ranked": table}}, "full": True, "measured": command.provenance(1.0)}
    page = command.page("toy", "Shows.", result)
    assert "## one / ranked\n\n| method | score |\n|---|---|\n| a | 1.235 [1, 2] |\n| b | – |\n" in page
    assert "| runs / 1 / n / deep | 1 |" in page and "one / ranked / 1" not in page
    assert "| figure |" not in command.page("toy", "Shows.", result | {"figures": {"ranked": table}})


def test_list_and_unknown_name(command, toy, capsys) -> None:
    assert command.main(["--list"]) == 0
    assert "Shows the command." in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        command.main(["nothing"])
    assert stop.value.code == 2


def test_every_benchmark_says_what_it_shows(command) -> None:
    for name, line in command.available().items():
        assert line, f"benchmarks/{name}.py has no docstring"
