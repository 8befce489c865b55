"""The documentation keeps up with the source: every code a message carries is explained, every verb is on the help page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mcgurk.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"[A-Z]\d\d")


def codes_in_source() -> dict[str, str]:
    """code -> first place that uses it: ``code="X01"``, a class attribute ``code``, or a table ``_CODES``."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values: list[ast.expr] = []
            if isinstance(node, ast.keyword) and node.arg == "code":
                values = [node.value]
            elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and "code" in t.id.lower() for t in node.targets):
                values = [item for item in ast.walk(node.value) if isinstance(item, ast.Constant)]
            elif isinstance(node, ast.FunctionDef):
                pairs = zip([a.arg for a in node.args.kwonlyargs], node.args.kw_defaults)
                values = [default for name, default in pairs if name == "code" and default is not None]
            for value in values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
                    found.setdefault(value.value, f"{path.relative_to(ROOT)}:{value.lineno}")
    return found


def test_every_code_is_explained() -> None:
    explained = re.findall(r"^\| ([A-Z]\d\d) \|", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"), flags=re.M)
    missing = {code: place for code, place in codes_in_source().items() if code not in explained}
    assert not missing, f"docs/errors.md does not explain {missing}"
    twice = {code for code in explained if explained.count(code) > 1}
    assert not twice, f"docs/errors.md explains {sorted(twice)} twice: one meaning a code"


def test_every_verb_is_listed() -> None:
    files = {path.stem for path in (ROOT / "src" / "mcgurk" / "cli").glob("*.py") if not path.stem.startswith("_")}
    assert files <= set(VERBS), f"not in the table of mcgurk.cli: {sorted(files - set(VERBS))}"


def test_docs_speak_of_the_project_alone() -> None:
    wrong = []
    for path in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "src").rglob("*.py")),
    ]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"/root/|/tmp/|\bTODO\b|\bFIXME\b|\bXXX\b", line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}")
    assert not wrong, f"machine paths or unfinished notes: {wrong}"
