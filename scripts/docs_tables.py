"""Write the tables of methods in the documentation from the registry: `python scripts/docs_tables.py` (`--check` only compares)."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mcgurk.cli import VERBS
from mcgurk.datasets.catalogue import CATALOGUE
from mcgurk.registry import ROOMS, Entry, entries, offered

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- table: ([a-z_ ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
ALL = ("classes", "multilabel", "number", "count")
#: Roles of the fusion room that have tables of their own, or are never named by a person; all others stand inside a FusionGraph.
NAMED = ("fusion", "recipe", "classifier", "regressor", "multitask")
HIDDEN = ("machine", "source")


def grid(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    rows = [[cell.replace("|", "\\|").replace("\n", " ") or "–" for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def class_of(entry: Entry) -> str:
    return f"`{entry.target.split(':')[1]}`"


def targets(entry: Entry) -> str:
    return "all" if set(entry.targets) == set(ALL) else ", ".join(entry.targets)


def shapes(room: str, entry: Entry) -> str:
    """What the class's docstring says under "Shapes:", read without importing it."""
    module, name = entry.target.split(":")
    found = importlib.util.find_spec(module if "." in module else f"mcgurk.{room}.{module}")
    tree = ast.parse(Path(str(found and found.origin)).read_text(encoding="utf-8"))
    text = next(ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    said = re.search(r"^Shapes: (.*?)(?=\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return " ".join(said[1].split()).removesuffix(".") if said else ""


def encoders() -> str:
    """One table a kind of column; an encoder that reads several kinds stands in each."""
    table = entries("encoders")
    kinds = list(dict.fromkeys(kind for entry in table.values() for kind in entry.wants or ()))
    out = []
    for kind in kinds:
        lines = [
            (f"`{name}`", entry.summary, entry.cost, entry.paper, f"`mcgurk[{entry.extra}]`" if entry.extra else "", class_of(entry))
            for name, entry in table.items()
            if kind in (entry.wants or ())
        ]
        out.append(f"### {kind}\n\n{grid(('name', 'what it gives', 'cost', 'paper', 'extra', 'class'), lines)}")
    return "\n".join(out)


def fusions(*roles: str) -> str:
    """What has one of these roles in the fusion room."""
    lines = [
        (f"`{name}`", entry.summary, shapes("fusion", entry), targets(entry), entry.cost, entry.paper, class_of(entry))
        for name, entry in entries("fusion").items()
        if entry.role in roles
    ]
    return grid(("name", "what it does", "shapes", "targets", "cost", "paper", "class"), lines)


def parts() -> str:
    """What a FusionGraph is made of."""
    lines = [
        (f"`{name}`", entry.role, entry.summary, entry.cost, entry.paper, class_of(entry))
        for name, entry in entries("fusion").items()
        if entry.role not in (*NAMED, *HIDDEN)
    ]
    return grid(("name", "role", "what it does", "cost", "paper", "class"), lines)


def rooms() -> str:
    """Every other room's methods."""
    lines = [
        (f"`mcgurk.{room}`", f"`{name}`", entry.role, entry.summary, entry.paper, class_of(entry))
        for room in ROOMS
        if room not in ("encoders", "fusion") and offered(room)
        for name, entry in entries(room).items()
    ]
    return grid(("room", "name", "role", "what it does", "paper", "class"), lines)


def datasets() -> str:
    lines = [(f"`{name}`", item.kind, item.rows, item.what, item.target, item.licence) for name, item in CATALOGUE.items()]
    return grid(("name", "kind", "rows", "what it is", "target", "licence"), lines)


def verbs() -> str:
    folder = ROOT / "src" / "mcgurk" / "cli"
    return grid(("verb", "what it does"), [(f"`{verb}`", line) for verb, (_, line) in VERBS.items() if (folder / f"{verb}.py").exists()])


def missing(part: str) -> str:
    """Accuracy against the share of lost cells as it was measured, the best on average first."""
    figures = json.loads((DOCS / "results" / "missing.json").read_text(encoding="utf-8"))["figures"]
    shares, found = figures["shares"], figures[part]
    some = [k for k, share in enumerate(shares) if share in (0, 0.25, 0.5, 0.75)]

    def line(name: str, curves: dict[str, list[float]], verdict: str) -> tuple[str, ...]:
        return (name, *(f"{curves[kind][k]:.3f}".lstrip("0") for kind in ("complete", "holes") for k in some), verdict)

    lines = []
    for name, of in found["methods"].items():
        curves = {kind: of[kind]["accuracy"] for kind in ("complete", "holes")}
        lines.append(line("*best modality alone*" if name == "baseline" else f"`{name}`", curves, "" if name == "baseline" else said(of)))
    if "bound" in found:
        lines.insert(0, line("*best possible*", dict.fromkeys(("complete", "holes"), found["bound"]), ""))
    lost = [f"{figures['shares'][k]:g}" for k in some]
    return grid(("method", *lost, *(f"{share}, holes" for share in lost), "against the best modality alone"), lines)


def said(found: dict[str, Any]) -> str:
    """Both verdicts in a cell."""
    before, after = (found["verdict"][kind].removesuffix(" the baseline").removesuffix(" from") for kind in ("complete", "holes"))
    return before if before == after else f"{before}; with holes {after}"


TABLES: dict[str, Callable[[], str]] = {
    "encoders": encoders,
    "fusion layers": lambda: fusions("fusion"),
    "fusion recipes": lambda: fusions("recipe"),
    "fusion estimators": lambda: fusions("classifier", "regressor", "multitask"),
    "fusion parts": parts,
    "rooms": rooms,
    "datasets": datasets,
    "missing planted": lambda: missing("planted"),
    "missing digits": lambda: missing("digits"),
    "verbs": verbs,
}


def filled(text: str) -> str:
    """A page with every table between its marks written anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


def stale() -> dict[Path, str]:
    """page -> what it should say, for the pages whose tables are not the registry's."""
    out = {}
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            out[page] = new
    return out


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    check = parser.parse_args(argv).check
    for page, text in (pages := stale()).items():
        sys.stdout.write(f"{page.relative_to(ROOT)} {'is out of date' if check else 'written'}\n")
        if not check:
            page.write_text(text, encoding="utf-8")
    return int(check and bool(pages))


if __name__ == "__main__":
    sys.exit(main())
