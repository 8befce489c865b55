"""``mcgurk check`` on a method of ours, on a stranger's faulty one, and on nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcgurk.cli import main

FAULTY = '''
from torch import nn
from mcgurk.nn import Slot, SlotSpec
from mcgurk.nn.component import Fusion


class Faulty(Fusion):
    """Adds up the first number of each modality without looking whether it is present. Shapes: M Slots (B, d) -> (B, 1). Example: none."""

    def build(self, specs):
        self.scale = nn.Linear(1, 1)
        self.out = SlotSpec((1,))

    def forward(self, slots):
        total = sum(slot.values.flatten(1)[:, :1] for slot in slots.values())
        return Slot(self.scale(total), next(iter(slots.values())).present)
'''


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments, "--json"])
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


def test_ours(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run(capsys, "alignment:dtw")
    assert code == 0 and found["ok"] and found["checks"]["docstring"] == "passed"


def test_a_fault_is_found(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faulty_layer.py").write_text(FAULTY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    code, found = run(capsys, "faulty_layer:Faulty")
    assert code == 1 and not found["ok"]
    assert any(outcome.startswith("failed") for name, outcome in found["checks"].items() if name != "docstring"), found


def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run(capsys, "no_such_package:Nothing")
    assert code == 1 and found["error"]["code"] == "U01"
