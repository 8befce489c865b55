"""The tables of methods say what the registry holds, and every page is in the navigation."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    found = importlib.util.spec_from_file_location("docs_tables", ROOT / "scripts" / "docs_tables.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_pages_are_fresh(tables: ModuleType) -> None:
    stale = [page.name for page in tables.stale()]
    assert not stale, f"out of date: {stale}; run: python scripts/docs_tables.py"


def test_a_stale_page_is_seen(tables: ModuleType) -> None:
    old = "before\n<!-- table: verbs -->\nold\n<!-- end of table -->\nafter\n"
    new = tables.filled(old)
    assert "`compare`" in new and "\nold\n" not in new and new.startswith("before") and new.endswith("after\n")
    assert tables.filled(new) == new


def test_every_method_has_a_line(tables: ModuleType) -> None:
    from mcgurk.registry import ROOMS, entries, offered

    text = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    missing = [
        f"{room}:{name}"
        for room in ROOMS
        if offered(room)
        for name, entry in entries(room).items()
        if entry.role not in tables.HIDDEN and f"| `{name}` |" not in text
    ]
    assert not missing, f"no table of the documentation holds {missing}"


def test_every_page_is_reachable() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        if page.name != "index.md":
            assert re.search(rf"\b{re.escape(page.name)}", nav), f"{page.name} is not in mkdocs.yml"
            assert f"({page.name})" in index, f"index.md does not lead to {page.name}"
