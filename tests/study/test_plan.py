"""The plan binds."""

from __future__ import annotations

import json

import pytest

from mcgurk.errors import McgurkWarning, StoreError
from mcgurk.registry import Candidate
from mcgurk.study.compare import compare
from mcgurk.study.plan import read_plan, within


def candidate(name: str, family: str, recipe: str, cost: float) -> Candidate:
    return Candidate(name, object, ("a",), family, recipe, cost)


def test_a_limit_drops_whole_recipes_dearest_first() -> None:
    entered = [
        candidate("b", "baseline", "b", 5),
        candidate("s", "single", "s", 5),
        candidate("late", "late", "late", 4),
        candidate("late-a", "subset", "late", 4),
        candidate("layer", "layer", "layer", 6),
    ]
    kept, dropped, expected = within(entered, 1000, 5, None)
    assert len(kept) == 5 and dropped == () and expected == 120
    kept, dropped, expected = within(entered, 1000, 5, 90 / 60)
    assert dropped == ("late", "late-a") and expected == 80
    kept, dropped, _ = within(entered, 1000, 5, 0.1)
    assert [c.name for c in kept] == ["b", "s"]


def test_other_circumstances_are_warned_of(tmp_path, planted, fakes) -> None:
    X, y, groups = planted
    compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)[:2], output=tmp_path)
    path = tmp_path / "plan.json"
    stored = json.loads(path.read_text())
    stored["circumstances"]["numpy"] = "1.0"
    path.write_text(json.dumps(stored))
    with pytest.warns(McgurkWarning, match="numpy 1.0 then") as caught:
        compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)[:2], output=tmp_path)
    assert "K03" in [w.message.code for w in caught if isinstance(w.message, McgurkWarning)]


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"kind": "other"})])
def test_a_folder_that_is_no_run(tmp_path, text) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(StoreError) as error:
        read_plan(path)
    assert error.value.code == "S05"
