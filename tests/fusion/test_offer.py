"""What the room enters in a comparison, by budget."""

from __future__ import annotations

import pytest

from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TargetSpec
from mcgurk.fusion.offer import candidates

VECTOR, IMAGE = ColumnSpec("dense", "vector", (3,)), ColumnSpec("lazy", "image", ())
CLASSES, NUMBER = TargetSpec("classes", ("u", "v"), 2), TargetSpec("number", (), 1)


def names(spec, target=CLASSES, budget="standard"):
    out = candidates(spec, target, budget)
    assert len({c.name for c in out}) == len(out)
    return {c.name: c for c in out}


@pytest.mark.parametrize("target", [CLASSES, NUMBER])
def test_quick_has_a_floor_a_baseline_singles_and_one_of_each_family(target):
    found = names({"photo": IMAGE, "table": VECTOR}, target, "quick")
    assert {"average", "boosting", "single:photo", "single:table", "single:table:trees", "early:linear", "late:stacking", "auto"} <= set(
        found
    )
    assert "single:photo:trees" not in found and not any(name.startswith("layer:") for name in found)
    assert found["single:photo"].columns == ("photo",)


def test_one_column_leaves_nothing_to_fuse():
    assert set(names({"table": VECTOR})) == {"average", "boosting", "single:table", "single:table:trees", "auto"}


def test_the_same_recipe_without_each_modality():
    found = names({"a": VECTOR, "b": VECTOR, "c": IMAGE})
    for recipe in ("early:linear", "late:stacking"):
        for left in "abc":
            part = found[f"{recipe} without {left}"]
            assert part.recipe == recipe and left not in part.columns and part.family == "subset"


def test_a_larger_budget_offers_more():
    spec = dict.fromkeys("abcd", VECTOR)
    sizes = [len(names(spec, budget=budget)) for budget in ("quick", "standard", "thorough")]
    assert sizes[0] < sizes[1] < sizes[2]
    assert "late:product" in names(spec) and "late:product" not in names(spec, NUMBER)


@pytest.mark.parametrize(("target", "family"), [(CLASSES, "FusionClassifier"), (NUMBER, "FusionRegressor")])
def test_every_candidate_makes_a_fresh_estimator(target, family):
    for candidate in candidates({"a": VECTOR, "b": VECTOR}, target, "thorough"):
        first, second = candidate.make(), candidate.make()
        assert type(first).__name__ == family and first is not second and candidate.cost > 0
