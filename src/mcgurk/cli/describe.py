"""``mcgurk describe``: what a table holds, before anything is learnt from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from mcgurk.cli import _shell, _table
from mcgurk.cli._table import Table

if TYPE_CHECKING:
    from mcgurk.data.describe import Description
    from mcgurk.data.read import Reading


@_table.options
def describe(
    table: Table,
    near: bool = typer.Option(True, "--near/--no-near", help="Seek near twins: texts written differently, pictures that look alike."),
) -> dict[str, Any]:
    """Say what a table holds: kinds and why, gaps, lengths, rates, damaged text, twins, and signs of leaks.

    Example: mcgurk describe ads.csv --target tone --group advertiser
    """
    from mcgurk.data.describe import describe as described

    reading = table.read()
    found = described(reading.X, reading.y, near=near)
    _show(table, reading, found)
    columns = [{"column": name, "kind": kind, "why": why} for name, kind, why in reading.notes]
    return {"table": str(table.path), "read": columns, "rejects": len(reading.rejects), **json.loads(found.to_json())}


def _show(table: Table, reading: Reading, found: Description) -> None:
    from rich.table import Table as Grid

    from mcgurk.data.describe import said

    console = _shell.console()
    _shell.say(f"{table.path.name}: {found.rows:,} rows" + (f", {len(reading.rejects)} set aside" if reading.rejects else ""))
    read = Grid("column", "read as", "because", box=None, pad_edge=False)
    for name, kind, why in reading.notes:
        read.add_row(name, kind, why)
    console.print(read)
    held = Grid("\ncolumn", "\nkind", "\npresent", "\nwhat it holds", box=None, pad_edge=False)
    for column in found.columns:
        held.add_row(column.name, column.kind, f"{column.present:.0%}", said(column.facts))
    console.print(held)
    if len(found.patterns) > 1:
        console.print(_patterns(reading.X.names, found.patterns))
    if found.target:
        _shell.say(f"\ntarget {table.target}: {said(found.target)}")
    if found.findings:
        _shell.say("\nTo know before modelling")
        for finding in found.findings:
            _shell.say(f"- {finding.message} [{finding.code}]")


def _patterns(names: tuple[str, ...], patterns: tuple[dict[str, Any], ...]) -> Any:
    from rich.table import Table as Grid

    grid = Grid("\nrows", *(f"\n{name}" for name in names), box=None, pad_edge=False)
    for pattern in patterns[:12]:
        grid.add_row(f"{pattern['rows']:,}", *("present" if pattern[name] else "-" for name in names))
    if len(patterns) > 12:
        grid.add_row(f"{sum(p['rows'] for p in patterns[12:]):,}", f"in {len(patterns) - 12} further patterns")
    return grid
