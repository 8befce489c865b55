"""``mcgurk datasets list|show|export``: data that comes with mcgurk, that it makes, or that it can read."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import typer

from mcgurk.cli import _shell

datasets = typer.Typer(no_args_is_help=True, add_completion=False, help="Data that comes with mcgurk or that it can read.")

NAME = typer.Argument(help="A name of `mcgurk datasets list`.")
ROOT = typer.Option(None, "--data-root", help="Folder of data sets that do not travel with mcgurk; default: MCGURK_DATA.")
SET = typer.Option([], "--set", metavar="KEY=VALUE", help="A setting of the loader, such as n=500; may be repeated.")


@datasets.command("list")
def list_() -> list[dict[str, str]]:
    """Which data there is: embedded, planted (made from a seed, its answer known), or read from a folder of your own.

    Example: mcgurk datasets list
    """
    from rich.table import Table

    from mcgurk.datasets.catalogue import CATALOGUE

    facts = [
        {"name": name, "kind": item.kind, "rows": item.rows, "what": item.what, "target": item.target, "licence": item.licence}
        for name, item in CATALOGUE.items()
    ]
    table = Table("name", "kind", "rows", "what it is", box=None, pad_edge=False)
    for fact in facts:
        table.add_row(fact["name"], fact["kind"], fact["rows"], fact["what"])
    _shell.console().print(table)
    return facts


@datasets.command("show")
def show(name: str = NAME, root: Path | None = ROOT, settings: list[str] = SET) -> dict[str, Any]:
    """What one data set holds, how to load it in Python, and, where it is planted, its known answer.

    Example: mcgurk datasets show emoji
    """
    from mcgurk.datasets import catalogue

    item = catalogue.info(name)
    given = _settings(name, settings)
    X, y = _load(name, root, given)
    columns = {key: {"kind": c.kind, "container": type(c).__name__, "present": float(c.present.mean())} for key, c in X.items()}
    facts: dict[str, Any] = {
        "name": name,
        "what": item.what,
        "kind": item.kind,
        "licence": item.licence,
        "rows": len(X),
        "columns": columns,
        "row_facts": [] if X.rows is None else list(X.rows.columns),
        "groups": int(X.rows["group"].nunique()) if X.rows is not None and "group" in X.rows else None,
        "target": item.target,
        "settings": _defaults(name) | given,
        "answer": catalogue.answer_of(name),
    }
    arguments = ", ".join(f"{key}={value!r}" for key, value in given.items())
    _shell.say(f"{item.what}\n{X!r}")
    if facts["groups"] is not None:
        _shell.say(f"Rows belong to {facts['groups']} groups, which no split cuts.")
    _shell.say(f"Target: {item.target or 'none'}. Licence: {item.licence}.")
    if facts["answer"] and not given:
        _shell.say("Known answer: " + ", ".join(f"{key} {value:.3f}" for key, value in facts["answer"].items()))
    assigned = "X" if y is None else "X, y, info" if item.kind == "own folder" else "X, y"
    _shell.say(f"In Python: from mcgurk.datasets import {item.function};  {assigned} = {item.function}({arguments})")
    return facts


@datasets.command("export")
def export(
    name: str = NAME,
    out: Path = typer.Option(..., "-o", "--out", help="Folder to write table.csv and its media into."),
    root: Path | None = ROOT,
    settings: list[str] = SET,
    columns: str | None = typer.Option(None, "--columns", help="Only these columns, separated by commas."),
) -> dict[str, Any]:
    """Write a data set as a table of your own would look: table.csv with pictures and sounds beside it.

    Example: mcgurk datasets export emoji -o emoji --set n=200
    """
    from mcgurk.datasets.export import export as write

    X, y = _load(name, root, _settings(name, settings))
    if columns:
        X = X.select([c.strip() for c in columns.split(",") if c.strip()])
    path = write(X, y, out)
    grouped = X.rows is not None and "group" in X.rows
    _shell.say(f"Wrote {len(X)} rows to {path}")
    if y is not None:
        _shell.say(f"Try: mcgurk compare {path} --target y" + (" --group group" if grouped else ""))
    return {"table": str(path), "rows": len(X), "columns": list(X.names), "target": None if y is None else "y"}


def _load(name: str, root: Path | None, given: dict[str, Any]) -> Any:
    """``(X, y)``; a setting of the wrong type is the caller's mistake."""
    from mcgurk.datasets import catalogue
    from mcgurk.errors import DataError

    try:
        return catalogue.load(name, root=root, **given)
    except TypeError as error:
        wrong = ", ".join(f"{key}={value!r}" for key, value in given.items())
        remedy = f"`mcgurk datasets show {name} --json` names its settings"
        raise DataError(f"{name} cannot be made with {wrong} ({error}); {remedy}", code="C02") from None


def _defaults(name: str) -> dict[str, Any]:
    from mcgurk.datasets.catalogue import loader_of

    parameters = inspect.signature(loader_of(name)).parameters
    return {key: p.default for key, p in parameters.items() if key != "root"}


def _settings(name: str, given: list[str]) -> dict[str, Any]:
    """KEY=VALUE texts as keyword arguments; values are JSON where they can be, else text."""
    from mcgurk.errors import UnknownName, listing

    known = _defaults(name)
    out: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or key not in known:
            raise UnknownName(f"{name} has no setting {text!r}; give KEY=VALUE with {listing(known, limit=12) or 'no key: it has none'}")
        try:
            out[key] = json.loads(value)
        except ValueError:
            out[key] = value
    return out
