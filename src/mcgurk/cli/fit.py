"""``mcgurk fit``: one model from a table, written to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from mcgurk.cli import _shell, _table
from mcgurk.cli._table import Table

MODEL = "The model"


@_table.options
def fit(
    table: Table,
    output: Path = typer.Option(..., "-o", "--output", help="File to write, usually ending in .mcgurk.", rich_help_panel=MODEL),
    fusion: str = typer.Option(
        "auto", "--fusion", help="Fusion method; auto chooses on inner folds (of several targets: concat).", rich_help_panel=MODEL
    ),
    encoder: list[str] = typer.Option(
        [], "--encoder", metavar="COLUMN=NAME", help="Encoder of a column or of a kind; may be repeated.", rich_help_panel=MODEL
    ),
    settings: list[str] = typer.Option(
        [], "--set", metavar="KEY=VALUE", help="A setting of the estimator, such as epochs=20; may be repeated.", rich_help_panel=MODEL
    ),
    task: str | None = typer.Option(
        None, "--task", help="classes, number or count; default: by the target's values.", rich_help_panel=MODEL
    ),
    seed: int = typer.Option(0, "--seed", help="Seed of everything random.", rich_help_panel=MODEL),
    embed: bool = typer.Option(False, "--embed", help="Put packaged encoder weights into the file.", rich_help_panel=MODEL),
) -> dict[str, Any]:
    """Fit one model on every row of a table. How good it is, `mcgurk compare` says.

    Several targets (--target tone,price) share one network, with a head for each; an empty cell is a row of other targets only.

    Example: mcgurk fit ads.csv --target tone --fusion lowrank -o m.mcgurk
    """
    from mcgurk.errors import DataError

    if table.target is None:
        raise DataError("no target was given; say which column to predict, as in: mcgurk fit table.csv --target y -o m.mcgurk", code="C02")
    reading = table.read()
    model, y = _several(table, reading.y, task, fusion) if len(table.targets) > 1 else _one(reading.y, task, fusion)
    model.set_params(random_state=seed)
    if encoder:
        model.set_params(encoders=dict(pair(text, "--encoder COLUMN=NAME") for text in encoder))
    given = {key: _value(value) for key, value in (pair(text, "--set KEY=VALUE") for text in settings)}
    known = sorted(model.get_params(deep=False))
    if unknown := [key for key in given if key not in known]:
        raise DataError(f"the estimator has no setting {unknown[0]!r}; it has {', '.join(known)}", code="C02")
    model.set_params(**given)
    model.fit(reading.X, y)
    model.save(output, embed=embed)
    facts: dict[str, Any] = {
        "model": str(output),
        "fusion": model.fusion,
        "task": {name: part.task for name, part in model.target_.parts} or model.task,
        "rows": len(reading.X),
        "rejects": len(reading.rejects),
        "modalities": list(reading.X.names),
        "bytes": output.stat().st_size,
    }
    size = f"{facts['bytes'] / 1e6:.1f} MB"
    _shell.say(f"Fitted {model.fusion} on {len(reading.X):,} rows with {', '.join(reading.X.names)}; wrote {output} ({size}).")
    _shell.say(f"Predict with: mcgurk predict {output} new.csv -o out.csv")
    return facts


def _one(y: Any, task: str | None, fusion: str) -> tuple[Any, Any]:
    """An estimator for one target."""
    import mcgurk
    from mcgurk.data.target import family_of
    from mcgurk.study.settings import decide_task

    task = decide_task(y, task)
    estimator = mcgurk.FusionClassifier if family_of(task) == "classifier" else mcgurk.FusionRegressor
    return estimator(fusion=fusion, task=task), y


def _several(table: Table, y: Any, task: str | None, fusion: str) -> tuple[Any, Any]:
    """An estimator for several targets, and y as {task: labels}."""
    import mcgurk
    from mcgurk.errors import DataError

    if task is not None:
        raise DataError(f"--task {task} was given for {len(table.targets)} targets; give --set 'task={{...}}', by target", code="C02")
    labels = y if isinstance(y, dict) else dict(zip(table.targets, y.T))
    return mcgurk.MultiTask(fusion="concat" if fusion == "auto" else fusion), labels


def pair(text: str, wanted: str) -> tuple[str, str]:
    """KEY=VALUE as a pair."""
    from mcgurk.errors import DataError

    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise DataError(f"{text!r} was given; expected {wanted}", code="C02")
    return key.strip(), value.strip()


def _value(text: str) -> Any:
    """JSON where it can be, else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
