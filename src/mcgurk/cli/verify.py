"""``mcgurk verify``: recompute every checksum of a run or a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from mcgurk.cli import _shell


def verify(
    path: Path = typer.Argument(help="Folder of a run, a .mcgurk file, or a .parquet file that mcgurk wrote.", show_default=False),
) -> dict[str, Any]:
    """Say whether a run's folder (or a model, or a Parquet file) is as it was written; exit code 1 if not.

    Example: mcgurk verify ads-compare
    """
    from mcgurk.study import verify as check

    found = check(path)
    for fault in found["faults"]:
        _shell.say(f"- {fault}")
    files = f"{found['checked']} file{'s' if found['checked'] != 1 else ''}"
    outcome = "all as written" if found["ok"] else f"{len(found['faults'])} at fault"
    _shell.say(f"{path}: {files} checked, {outcome}")
    _shell.session.exit_code = int(not found["ok"])
    return found
