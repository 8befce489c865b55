"""Names import their module on first use; a missing package says which command installs it."""

from __future__ import annotations

import sys
import types

import pytest

from mcgurk import _lazy
from mcgurk.errors import MissingPackage


def test_names_and_submodules() -> None:
    get, listed, everything = _lazy.attach("mcgurk", {"derive": "seeding", "seeding": ""})
    assert get("derive")(0, "a") == get("seeding").derive(0, "a")
    assert isinstance(get("seeding"), types.ModuleType) and listed() == everything == ["derive", "seeding"]


def test_an_unknown_name_lists_the_known_ones() -> None:
    get, _, _ = _lazy.attach("mcgurk", {"derive": "seeding"})
    with pytest.raises(AttributeError, match=r"'mcgurk' has no attribute 'derrive'; it offers derive"):
        get("derrive")


def test_a_function_keeps_its_name_after_its_file_was_imported(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from mcgurk._lazy import attach\n__getattr__, __dir__, __all__ = attach(__name__, {'tap': 'tap', 'door': ''})"
    )
    (package / "tap.py").write_text("def tap(): return 'water'")
    (package / "door.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import house
    import house.tap

    assert house.tap() == house.tap() == "water"
    from house.tap import tap

    assert tap() == "water" and isinstance(house.door, types.ModuleType)


def test_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _lazy.optional("json", "any", "reading") is sys.modules["json"]
    monkeypatch.setitem(sys.modules, "usearch", None)
    with pytest.raises(MissingPackage, match=r"approximate search needs the package 'usearch'.*pip install 'mcgurk\[ann\]'") as missing:
        _lazy.optional("usearch", "ann", "approximate search")
    assert missing.value.code == "P01" and isinstance(missing.value, ImportError)
