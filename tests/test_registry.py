"""One table a room: found by name, extended by strangers, never silently."""

from __future__ import annotations

import importlib.metadata
import sys
import types

import pytest

from mcgurk import registry
from mcgurk.errors import DataError, UnknownName
from mcgurk.registry import Entry


class Point:
    """An entry point whose object is at hand."""

    def __init__(self, name: str, found: object, value: str = "pack:ENTRY") -> None:
        self.name, self.value, self._found = name, value, found

    def load(self) -> object:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch):
    """``plugins(room, point, …)``: these are installed while the test runs."""

    def install(room: str, *points: Point) -> None:
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points if group == f"mcgurk.{room}" else ())
        registry.entries.cache_clear()

    yield install
    monkeypatch.undo()
    registry.entries.cache_clear()


class Mine:
    """A stranger's method."""


def test_names_are_found_with_their_class() -> None:
    for room in registry.ROOMS:
        for name in registry.entries(room):
            assert registry.name_of(registry.find(room, name)) == f"{room}:{name}"
    assert registry.name_of(dict) is None


def test_a_room_that_does_not_exist_yet_is_empty_and_any_other_is_unknown() -> None:
    assert registry.own("no_such_room") == {}
    with pytest.raises(UnknownName, match="no room 'kitchen'; the rooms are encoders, fusion"):
        registry.entries("kitchen")


def test_a_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"fusion has no 'lowrang'; did you mean lowrank") as caught:
        registry.find("fusion", "lowrang")
    assert caught.value.code == "U01"
    with pytest.raises(UnknownName, match="it offers"):
        registry.entry("fusion", "qqqqqqqq")


@pytest.mark.parametrize("module", ["single_module_plugin", "pack.inside"])
def test_a_stranger_is_found_in_a_module_or_a_package(module: str, plugins, monkeypatch) -> None:
    made = types.ModuleType(module)
    made.Mine = type("Mine", (), {"__module__": module})
    monkeypatch.setitem(sys.modules, module, made)
    plugins("fusion", Point("mine", Entry(f"{module}:Mine", "fusion")))
    assert registry.find("fusion", "mine") is made.Mine and registry.name_of(made.Mine) == "fusion:mine"
    assert "lowrank" in registry.entries("fusion")


def test_a_clash_names_both(plugins) -> None:
    plugins("fusion", Point("lowrank", Entry("pack:Mine", "fusion")))
    with pytest.raises(DataError, match=r"'lowrank' of room fusion is claimed by mcgurk\.fusion\.lowrank:LowRankFusion and by pack:ENTRY"):
        registry.entries("fusion")
    plugins("joint", Point("same", Entry("one:A", "fusion"), "one:ENTRY"), Point("same", Entry("two:B", "fusion"), "two:ENTRY"))
    with pytest.raises(DataError, match="claimed by one:ENTRY and by two:ENTRY"):
        registry.entries("joint")


@pytest.mark.parametrize("found", [Mine, {"target": "pack:Mine"}, None])
def test_the_wrong_type_is_refused(found: object, plugins) -> None:
    plugins("fusion", Point("mine", found))
    with pytest.raises(DataError, match=r"expected a mcgurk\.registry\.Entry"):
        registry.entries("fusion")


@pytest.mark.parametrize("error", [ImportError("no module"), AttributeError("no ENTRY")])
def test_a_broken_plugin_is_named(error: Exception, plugins) -> None:
    plugins("fusion", Point("mine", error))
    with pytest.raises(DataError, match=r"pack:ENTRY of group mcgurk\.fusion cannot be loaded \(no .*\); mend or uninstall it"):
        registry.entries("fusion")


def test_a_class_that_is_not_there_is_named(plugins) -> None:
    plugins("fusion", Point("mine", Entry("fractions:Mine", "fusion")))
    with pytest.raises(UnknownName, match=r"fusion:mine is registered as 'fractions:Mine', which does not exist"):
        registry.find("fusion", "mine")


def test_make_takes_a_name_a_pair_or_an_object() -> None:
    lowrank = registry.find("fusion", "lowrank")
    assert isinstance(registry.make("fusion", "lowrank"), lowrank)
    assert registry.make("fusion", ("lowrank", {"rank": 7})).rank == 7
    layer = lowrank(rank=2)
    assert registry.make("fusion", layer) is layer


@pytest.mark.parametrize("value", [3, None, True, ("lowrank", 3), ("lowrank",), Mine])
def test_make_refuses_the_rest(value: object) -> None:
    with pytest.raises(DataError, match="is not a member of fusion; give a name"):
        registry.make("fusion", value)


def test_candidates_come_from_every_room_that_offers(monkeypatch) -> None:
    from mcgurk.data.spec import ColumnSpec
    from mcgurk.data.target import TargetSpec

    spec = {"a": ColumnSpec("dense", "vector", (2,)), "b": ColumnSpec("dense", "vector", (2,))}
    found = registry.candidates(spec, TargetSpec("classes", (0, 1), 2), "quick")
    names = [candidate.name for candidate in found]
    assert len(set(names)) == len(names) > 3
    assert all(set(candidate.columns) <= {"a", "b"} and callable(candidate.make) for candidate in found)


def test_a_class_is_found_where_it_stands() -> None:
    assert registry.located("mcgurk.fusion.lowrank:LowRankFusion") is registry.find("fusion", "lowrank")
    with pytest.raises(UnknownName, match="fusion has no"):  # names stand in model files, and a file may import nothing
        registry.find("fusion", "mcgurk.fusion.lowrank:LowRankFusion")
    for target, said in (
        ("no_such_module:Layer", "neither room:name"),
        ("mcgurk.fusion:nothing", "neither"),
        ("mcgurk.registry:make", "function"),
    ):
        with pytest.raises(UnknownName, match=said):
            registry.located(target)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"modalities": (2, 2)}, "it fuses 2 modalities, and the data has 3"),
        ({"modalities": (4, None)}, "it fuses 4 or more modalities, and the data has 3"),
        ({"modalities": (1, 2)}, "it fuses 1 to 2 modalities, and the data has 3"),
        ({"targets": ("number", "count")}, "it learns number and count, and the target is classes"),
        ({"labels": ("step",)}, "it takes one label a step, and the target has one a row"),
    ],
)
def test_what_a_method_cannot_take_is_said_in_a_sentence(changes, said) -> None:
    assert Entry("a:B", "fusion", **{"targets": ("classes",)} | changes).refusal(3, "classes", "row") == said
