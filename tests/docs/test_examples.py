"""Every example of the README and the documentation runs; every command it shows exists with its options."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from mcgurk.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, languages: tuple[str, ...]) -> list[str]:
    """The fenced blocks of a page in these languages, without those that say why they are not run."""
    return [body for skipped, language, body in BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages and not skipped]


@pytest.fixture(scope="module")
def emoji(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``emoji/table.csv`` as `mcgurk datasets export emoji` writes it, small."""
    from mcgurk.datasets import load_emoji
    from mcgurk.datasets.export import export

    folder = tmp_path_factory.mktemp("work")
    export(*load_emoji(n=80), folder / "emoji")
    return folder


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, ("python",))], ids=lambda p: p.name)
def test_python(page: Path, emoji: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a page run in order and share their names."""
    monkeypatch.chdir(emoji)
    names: dict[str, object] = {"__name__": page.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, body in enumerate(blocks(page, ("python",)), 1):
            exec(compile(body, f"{page.name}, example {number}", "exec"), names)


def commands() -> list[tuple[str, str]]:
    """(page, command line) of every line that calls mcgurk; several on a line are separated by semicolons."""
    found = []
    for page in PAGES:
        for body in blocks(page, ("", "sh")):
            for line in body.splitlines():
                parts = [part.strip() for part in line.split("#")[0].split(" ; ")]
                found += [(page.name, part) for part in parts if re.match(r"mcgurk [a-z-]", part)]
    return found


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda value: value)
def test_commands(page: str, line: str) -> None:
    """A shown command names a verb and only options that this verb has."""
    import importlib
    import shlex

    from mcgurk.cli import _shell

    words = shlex.split(line.replace("|", " "))[1:]
    if words[0] == "VERB" or words[0].startswith("-"):
        return
    assert words[0] in VERBS, f"{page}: no verb {words[0]}"
    target = _shell.command(words[0], getattr(importlib.import_module(f"mcgurk.cli.{words[0]}"), words[0]))
    if hasattr(target, "commands"):
        target = target.commands[words[1]]
    known = {name for parameter in target.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    wrong = [word for word in words if word.startswith("-") and not word.lstrip("-").isdigit() and word.split("=")[0] not in known]
    assert not wrong, f"{page}: mcgurk {words[0]} has no {wrong}"
