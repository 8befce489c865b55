"""Which fusion methods enter a comparison when they are asked for, and what is said of the others."""

from __future__ import annotations

import importlib.metadata
import sys
import types
from typing import ClassVar

import pytest

from mcgurk import registry
from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TargetSpec
from mcgurk.encoders import Precomputed
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import InteractionClassifier, LowRankFusion
from mcgurk.fusion.asked import METHODS, asked, entry_of, everyone, methods, title
from mcgurk.fusion.concat import Concat
from mcgurk.fusion.offer import candidates
from mcgurk.registry import Entry
from mcgurk.train import features

VECTOR, SERIES = ColumnSpec("dense", "vector", (3,)), ColumnSpec("ragged", "series", (3,), sequence=True)
CLASSES, NUMBER = TargetSpec("classes", ("u", "v"), 2), TargetSpec("number", (), 1)
STEPS = TargetSpec("classes", ("u", "v"), 2, per="step")
NAMED = [name for name, entry in registry.entries("fusion").items() if entry.role in METHODS or entry.apart]


class Mine(Concat):
    """A stranger's layer."""


class Reads(Concat):
    """A stranger's layer of sequences."""

    wants: ClassVar[str] = "sequence"


@pytest.mark.parametrize("budget", ["quick", "thorough"])
@pytest.mark.parametrize("target", [CLASSES, NUMBER, STEPS, TargetSpec("count", (), 1)])
@pytest.mark.parametrize("columns", [1, 2, 3, 7])
def test_every_registered_method_enters_or_has_a_reason(columns, target, budget) -> None:
    spec = dict.fromkeys("abcdefg"[:columns], VECTOR)
    standing = candidates(spec, target, budget)
    entered, refused = methods(spec, target, "all", standing)
    names = [c.name for c in (*standing, *entered)]
    assert len(set(names)) == len(names)
    there = {title(c.method) for c in (*standing, *entered)}
    assert set(NAMED) <= there | set(refused)
    assert not there & set(refused)
    assert all(why and not why.endswith(".") for why in refused.values())
    assert all(c.columns == tuple(spec) and c.cost > 0 for c in entered)


def test_counts_and_reasons() -> None:
    spec = {"a": VECTOR, "b": VECTOR, "c": VECTOR}
    entered, refused = methods(spec, NUMBER, "all", candidates(spec, NUMBER, "quick"))
    assert sum(c.family == "layer" for c in entered) >= 15 and {"recipe:hybrid", "recipe:dynmm", "recipe:staged"} <= {
        c.name for c in entered
    }
    assert refused["mfas"] == "it fuses 2 modalities, and the data has 3"
    assert refused["interaction_classifier"] == "it learns classes and multilabel, and the target is number"
    assert "drawn by hand" in refused["graph"]
    _, refused = methods({"a": VECTOR, "b": VECTOR}, STEPS, "mfas")
    assert refused["mfas"] == "it takes one label a row, and the target has one a step"
    entered, refused = methods({"a": VECTOR}, CLASSES, "lowrank")
    assert not entered and refused["lowrank"] == "it fuses 2 or more modalities, and the data has 1"


def test_what_may_be_asked_for() -> None:
    assert list(asked("mult, vilbert,lowrank")) == ["mult", "vilbert", "lowrank"]
    assert list(asked(["mult,early", ("late", {"rule": "mean"})])) == ["mult", "early", ("late", {"rule": "mean"})]
    assert list(asked(("late", {"rule": "mean"}))) == [("late", {"rule": "mean"})] and list(asked(None)) == []
    assert set(asked("all")) == set(NAMED) and everyone(["mult", "all"]) and not everyone("mult")
    layer = LowRankFusion(rank=3)
    assert list(asked(layer)) == [layer]
    entered, _ = methods(
        {"a": VECTOR, "b": VECTOR}, CLASSES, ["lowrank", "lowrank", layer, ("late", {"rule": "mean"}), InteractionClassifier()]
    )
    assert [c.name for c in entered] == [
        "layer:lowrank",
        "layer:LowRankFusion(rank=3)",
        "recipe:late(rule=mean)",
        "model:InteractionClassifier()",
    ]
    made = [c.make() for c in entered]
    assert made[1].fusion is layer and type(made[3]) is InteractionClassifier and made[3].task == "classes"
    assert [c.paper[:3] for c in entered] == ["Liu", "Liu", "Kit", "Aik"]


def test_a_name_that_is_not_known_and_a_part_that_is_no_method() -> None:
    with pytest.raises(UnknownName, match="did you mean lowrank"):
        methods({"a": VECTOR, "b": VECTOR}, CLASSES, "lowrang")
    with pytest.raises(UnknownName, match=r"importable package\.module:Class"):
        methods({"a": VECTOR, "b": VECTOR}, CLASSES, "no_such_module:Layer")
    for value in ("linear", object()):
        with pytest.raises(DataError, match="not a fusion method; there are") as error:
            methods({"a": VECTOR, "b": VECTOR}, CLASSES, [value])
        assert error.value.code == "C02"


def test_layers_of_sequences_get_sequences() -> None:
    spec = {"a": SERIES, "b": VECTOR}
    entered, _ = methods(spec, CLASSES, ["mult", "lowrank", Reads(), Mine()])
    assert [c.note for c in entered] == ["reads sequences", "", "reads sequences", ""]
    wants = [c.make()._wants() for c in entered]
    assert wants == ["sequence", "vector", "sequence", "vector"]
    kept = [features.resolve(spec, None, keep=features.keeping(w, "row"))["a"] for w in wants]
    assert [type(encoder) is Precomputed for encoder in kept] == [True, False, True, False]


def test_a_stranger_s_class_needs_no_entry() -> None:
    entry = entry_of(f"{__name__}:Reads") if __name__ in sys.modules else entry_of(Reads())
    assert entry.role == "fusion" and entry.wants == "sequence"


def test_a_plug_in_stands_among_all(monkeypatch) -> None:
    module = types.ModuleType("pack_of_trust")
    module.Mine = type("Mine", (Concat,), {"__module__": "pack_of_trust"})
    monkeypatch.setitem(sys.modules, "pack_of_trust", module)
    entry = Entry("pack_of_trust:Mine", "fusion", wants="vector", targets=("classes",), paper="Me 2026", seconds=3.0, modalities=(2, 3))
    point = types.SimpleNamespace(name="trust", value="pack_of_trust:ENTRY", load=lambda: entry)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: (point,) if group == "mcgurk.fusion" else ())
    registry.entries.cache_clear()
    try:
        entered, _ = methods({"a": VECTOR, "b": VECTOR}, CLASSES, "all")
        mine = next(c for c in entered if c.name == "layer:trust")
        assert (mine.label, mine.paper, mine.cost) == ("trust layer", "Me 2026", 3.0)
        _, refused = methods({"a": VECTOR, "b": VECTOR}, NUMBER, "all")
        assert refused["trust"] == "it learns classes, and the target is number"
    finally:
        monkeypatch.undo()
        registry.entries.cache_clear()
