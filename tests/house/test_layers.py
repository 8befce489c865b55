"""Imports go downward only, and a room never imports another room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mcgurk import registry

SRC = Path(__file__).resolve().parents[2] / "src"
FILES = sorted((SRC / "mcgurk").rglob("*.py"))
ROOMS = set(registry.ROOMS)
LEVELS = [
    {"errors", "config", "registry", "params", "seeding", "files", "tensorfile", "_lazy"},
    {"data", "metrics"},
    {"functional", "nn", "losses"},
    {"base", "roles", "results", "run", "store", "train"},
    ROOMS,
    {"study", "index", "datasets", "testing", "scale"},
    {"cli", "explore", "__main__"},
]
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}


def part_of(path: Path) -> str:
    """``fusion`` for src/mcgurk/fusion/late.py, ``errors`` for src/mcgurk/errors.py, "" for the package itself."""
    inside = path.relative_to(SRC / "mcgurk").with_suffix("").parts
    return "" if inside == ("__init__",) else inside[0]


def imported_parts(path: Path) -> list[tuple[int, str]]:
    """(line, first name below mcgurk) of every import of the file, those inside functions and type-checking blocks included."""
    found: list[tuple[int, str]] = []
    package = ["mcgurk", *path.relative_to(SRC / "mcgurk").parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            names = [".".join([*base, alias.name]) if base == ["mcgurk"] else ".".join(base) for alias in node.names]
        else:
            continue
        found += [(node.lineno, name.split(".")[1]) for name in names if name.startswith("mcgurk.")]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_imports_go_downward(path: Path) -> None:
    own = part_of(path)
    if own == "":
        return  # the package's own table is lazy: it names everything and imports nothing
    assert own in LEVEL, f"{path.relative_to(SRC)}: {own!r} has no level; give it one in DESIGN and here"
    wrong = []
    for line, other in imported_parts(path):
        if other == own or other not in LEVEL:
            continue
        same_room_level = other in ROOMS and own in ROOMS
        if LEVEL[other] > LEVEL[own] or same_room_level:
            wrong.append(f"line {line} imports mcgurk.{other}")
    assert not wrong, f"{path.relative_to(SRC)} (level {LEVEL[own]}): {'; '.join(wrong)}"


def test_data_and_metrics_use_no_torch() -> None:
    wrong = []
    for path in FILES:
        if part_of(path) not in ("data", "metrics", *LEVELS[0]) or path.name in ("seeding.py", "tensorfile.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            wrong += [f"{path.relative_to(SRC)}:{node.lineno}" for name in names if name.split(".")[0] == "torch"]
    assert not wrong, f"torch below level 2: {', '.join(wrong)}"
