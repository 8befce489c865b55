"""The options with which every verb reads a table; a verb takes them all as one argument.

::

    @_table.options
    def describe(table: Table) -> dict[str, Any]:
        reading = table.read()

The path is the first argument; columns are named with ``--target y``, ``--image front,kitchen`` or ``--image front --image kitchen``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mcgurk.cli import _shell

if TYPE_CHECKING:
    from mcgurk.data.read import Reading

COLUMNS = "What the columns are (the rest is inferred)"
READING = "How the table is read"
KINDS = ("text", "image", "audio", "video", "series", "vector", "tabular", "number", "category", "date", "flag", "drop")
_HELP = {
    "tabular": "Columns of the table block, each typed by its values.",
    "category": "Columns whose values are names, such as postal codes.",
    "drop": "Columns to leave out.",
}

PATH = typer.Argument(help="A .csv, .tsv, .parquet or .jsonl file, or a folder.", show_default=False)
ONE = {
    "target": (
        str | None,
        typer.Option(None, "--target", "-y", help="Column to predict; fit also takes several, a,b.", rich_help_panel=COLUMNS),
    ),
    "group": (str | None, typer.Option(None, "--group", "-g", help="Column whose equal rows stay together.", rich_help_panel=COLUMNS)),
    "id": (str | None, typer.Option(None, "--id", help="Column of row identifiers.", rich_help_panel=COLUMNS)),
}
MANY = {
    kind: (
        list[str],
        typer.Option([], f"--{kind}", metavar="NAME", help=_HELP.get(kind, f"Columns of kind {kind}."), rich_help_panel=COLUMNS),
    )
    for kind in KINDS
}
HOW = {
    "only": (bool, typer.Option(False, "--only", help="Use the named columns, infer nothing.", rich_help_panel=READING)),
    "root": (Path | None, typer.Option(None, "--root", help="Folder that file names start from.", rich_help_panel=READING)),
    "encoding": (str | None, typer.Option(None, "--encoding", help="Encoding of a CSV file.", rich_help_panel=READING)),
    "separator": (str | None, typer.Option(None, "--separator", help="Separator of a CSV file.", rich_help_panel=READING)),
    "rows": (int | None, typer.Option(None, "--rows", min=1, help="Read only the first rows.", rich_help_panel=READING)),
    "max_bad": (float, typer.Option(0.01, "--max-bad", min=0, max=1, help="Share of unreadable rows allowed.", rich_help_panel=READING)),
    "dedupe": (str | None, typer.Option(None, "--dedupe", help="keep-first: of rows with equal ids.", rich_help_panel=READING)),
    "rejects": (Path | None, typer.Option(None, "--rejects", help="Write rows set aside to this Parquet file.", rich_help_panel=READING)),
}
OPTIONS: dict[str, tuple[Any, Any]] = {**ONE, **MANY, **HOW}


@dataclass(frozen=True)
class Table:
    """A table as the command line names it."""

    path: Path
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str | None:
        """The column to predict, where one was named."""
        return self.given.get("target")

    @property
    def targets(self) -> list[str]:
        """The columns to predict, several between commas."""
        return [name.strip() for name in (self.target or "").split(",") if name.strip()]

    def options(self) -> dict[str, Any]:
        """The reader's options: only those that were given."""
        out = {
            name: self.given[name] for name in (*ONE, "root", "encoding", "separator", "rows", "dedupe") if self.given.get(name) is not None
        }
        if len(self.targets) > 1:
            out["target"] = self.targets
        for kind in KINDS:
            names = [name.strip() for given in self.given.get(kind) or () for name in given.split(",") if name.strip()]
            if names:
                out[kind] = names
        if self.given.get("only"):
            out["others"] = "drop"
        return out | {"max_bad": self.given.get("max_bad", 0.01)}

    def read(self, **more: Any) -> Reading:
        """Read it; rows set aside are written to ``--rejects``. ``more`` are further options of the reader, such as ``like=``."""
        from mcgurk.data.read import read_table

        reading: Reading = read_table(self.path, **{**self.options(), **more, "explain": True})
        if reading.rejects and self.given.get("rejects"):
            reading.write_rejects(self.given["rejects"])
            _shell.note(f"rows set aside are listed in {self.given['rejects']}")
        return reading


def options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``verb(table, …)`` the path and the options above in place of its first argument; its own options follow."""
    own = list(inspect.signature(verb, eval_str=True).parameters.values())[1:]

    def read_options(**given: Any) -> Any:
        path = given.pop("path")
        table = Table(path, {name: given.pop(name) for name in OPTIONS})
        return verb(table, **given)

    parameters = [
        inspect.Parameter("path", inspect.Parameter.KEYWORD_ONLY, default=PATH, annotation=Path),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, (kind, default) in OPTIONS.items()
        ),
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
    ]
    read_options.__name__, read_options.__doc__, read_options.__module__ = verb.__name__, verb.__doc__, verb.__module__
    read_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return read_options
