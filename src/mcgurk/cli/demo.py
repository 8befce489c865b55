"""``mcgurk demo``: the main job on embedded data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from mcgurk.cli import _shell

COLUMNS = ("image", "name", "facts")


def demo(
    output: Path = typer.Option(Path("mcgurk-demo"), "-o", "--output", help="Folder for plan, results, model and report."),
    rows: int = typer.Option(600, "--rows", min=200, max=1601, help="How many emoji."),
) -> dict[str, Any]:
    """Which group is an emoji in: does its picture add to its name? The main job on embedded data, in under three minutes.

    Example: mcgurk demo
    """
    from mcgurk.cli.compare import named, run
    from mcgurk.datasets import load_emoji

    _shell.session.resume = f"run the same command again; it goes on from {output}"
    X, y = load_emoji(n=rows, columns=COLUMNS)
    _shell.say(f"{rows} emoji with a picture, a name and a few facts: which of {len(set(y.tolist()))} groups is each one in?")
    return run(X, named(y, "group"), output, budget="quick")
