"""A file has one subject; past 400 lines a seam is missing, and an empty file is a promise instead of a part."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("src", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, f"{path.relative_to(ROOT)} has {text.count(chr(10))} lines; find the seam"
    body = ast.parse(text).body
    assert body, f"{path.relative_to(ROOT)} is empty; a file appears with its first part"
    assert ast.get_docstring(ast.parse(text)), f"{path.relative_to(ROOT)} does not say in its first line what it is"
