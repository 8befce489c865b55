"""``mcgurk check``: the conformance suite on one method, ours or a stranger's."""

from __future__ import annotations

from typing import Any

import typer

from mcgurk.cli import _shell


def check(
    method: str = typer.Argument(help="package.module:Class of your own, or room:name of the registry.", show_default=False),
) -> dict[str, Any]:
    """Run every check that mcgurk's own methods pass: absence and padding, order of columns, gradients, saving, seeds, docstring.

    Exit code 1 if a check fails. A class in the current folder is found.

    Example: mcgurk check my_package.trust:Trust
    """
    from mcgurk.testing import check as run

    _shell.import_from_here()
    found = run(method)
    show(found)
    failed = [name for name, outcome in found.items() if outcome.startswith("failed")]
    skipped = [name for name, outcome in found.items() if outcome.startswith("skipped")]
    _shell.say(f"{method}: {len(found) - len(failed) - len(skipped)} passed, {len(skipped)} skipped, {len(failed)} failed")
    _shell.session.exit_code = int(bool(failed))
    return {"method": method, "ok": not failed, "checks": found}


def show(found: dict[str, str]) -> None:
    """One line a check."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, outcome in found.items():
        table.add_row(name, outcome, style="bold" if outcome.startswith("failed") else "")
    _shell.console().print(table)
