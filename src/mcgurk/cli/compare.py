"""``mcgurk compare``: the main job. Does combining modalities help, by how much, and how sure is that?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mcgurk.cli import _shell, _table
from mcgurk.cli._table import Table

if TYPE_CHECKING:
    from mcgurk.study.comparison import Comparison

STUDY = "The study"
WIDE = 110
"""Columns of a terminal from which time and size are shown too."""


@_table.options
def compare(
    table: Table,
    output: Path | None = typer.Option(
        None, "-o", "--output", help="Folder for plan, results, model and report; default: <table>-compare.", rich_help_panel=STUDY
    ),
    budget: str = typer.Option(
        "standard", "--budget", help="quick, standard, thorough, or minutes such as 20 or 2h.", rich_help_panel=STUDY
    ),
    metric: str | None = typer.Option(
        None, "--metric", help="Figure of merit, such as accuracy, macro_f1, mae, mape.", rich_help_panel=STUDY
    ),
    task: str | None = typer.Option(
        None, "--task", help="classes, number or count; default: by the target's values.", rich_help_panel=STUDY
    ),
    folds: str | None = typer.Option(None, "--folds", help="Number of folds, or 'given': the table's own split.", rich_help_panel=STUDY),
    split: str | None = typer.Option(None, "--split", help="Column that says train or test.", rich_help_panel=STUDY),
    repeats: int | None = typer.Option(None, "--repeats", min=1, help="Repeats of the folds.", rich_help_panel=STUDY),
    fusions: list[str] = typer.Option(
        [],
        "--fusions",
        "--fusion",
        metavar="NAMES",
        help="Fusion methods to enter as well: all, names such as mult,lowrank, or package.module:Class of your own.",
        rich_help_panel=STUDY,
    ),
    candidate: list[str] = typer.Option([], "--candidate", metavar="PATTERN", help="Only these, such as 'late:*'.", rich_help_panel=STUDY),
    seed: int = typer.Option(0, "--seed", help="Seed of folds and fits.", rich_help_panel=STUDY),
) -> dict[str, Any]:
    """Fit every single modality and every combination on the same folds; say in words which earn their keep; write a report and a model.

    Run the same command again after an interruption: it goes on where it stopped.

    With --fusions all every published method that can take the table competes; the dearest are left out where the budget is short.

    Example: mcgurk compare ads.csv --target tone --group advertiser -o tone
    """
    from mcgurk.errors import DataError

    _shell.import_from_here()

    if table.target is None:
        raise DataError("no target was given; say which column to predict, as in: mcgurk compare table.csv --target y", code="C02")
    where = output or Path(f"{table.path.stem}-compare")
    _shell.session.resume = f"run the same command again; it goes on from {where}"
    reading = table.read(category=[*table.options().get("category", ()), split]) if split else table.read()
    if reading.rejects:
        reading.write_rejects(where / "rejects.parquet")
    return run(
        with_split(reading.X, split) if split else reading.X,
        named(reading.y, table.target),
        where,
        budget=budget,
        metric=metric,
        task=task,
        folds=int(folds) if folds and folds.isdigit() else folds,
        repeats=repeats,
        fusions=fusions or None,
        candidates=candidate or None,
        random_state=seed,
    )


def with_split(X: Any, name: str) -> Any:
    """``X`` with the category ``name`` turned from something to learn from into the row fact that says which rows train and which test."""
    from dataclasses import replace

    import numpy as np

    from mcgurk.data.dataset import Dataset

    column = X["tabular"]
    place = [field.name for field in column.fields].index(name)
    codes, levels = column.values[:, place], column.fields[place].levels
    said = ["" if np.isnan(code) else str(levels[int(code)]) for code in codes]
    kept = [j for j in range(len(column.fields)) if j != place]
    columns = {key: value for key, value in X.items() if key != "tabular"}
    if kept:
        columns["tabular"] = replace(column, values=column.values[:, kept], fields=tuple(column.fields[j] for j in kept))
    return Dataset(columns, ids=X.ids, rows=X.rows).with_rows(split=said)


def named(y: Any, name: str) -> Any:
    """``y`` with the name of its column, which the report uses."""
    import pandas as pd

    return pd.Series(y, name=name) if getattr(y, "ndim", 0) == 1 else y


def run(X: Any, y: Any, where: Path, **options: Any) -> dict[str, Any]:
    """Compare, and show the outcome; shared with ``mcgurk demo``."""
    from mcgurk.study.compare import compare as study

    result = study(X, y, output=where, **options)
    show(result, where)
    return {**result.body(), "output": str(where), "report": str(where / "report.html")}


def show(result: Comparison, where: Path) -> None:
    """Sentences, a table, and where the rest is."""
    _shell.say("")
    for sentence in result.sentences:
        _shell.say(f"  {sentence}")
    _shell.say("")
    _shell.console().print(grid(result))
    _shell.say("")
    if result.refused or result.failed:
        _shell.say("Did not take part:")
        for name, why in {**result.refused, **{name: sentence for name, (_, sentence) in result.failed.items()}}.items():
            _shell.say(f"  {name}: {why}")
        _shell.say("")
    _shell.say(f"Report  {where / 'report.html'}")
    if result.model is not None:
        _shell.say(f"Model   {result.model}   (mcgurk predict {result.model} new.csv -o out.csv)")


def grid(result: Comparison) -> Any:
    """The ranking for a terminal."""
    from rich.table import Table as Grid

    from mcgurk.study.report import across, count, seconds
    from mcgurk.study.score import figure

    merit = figure(result.metric["name"], result.plan["settings"]["task"])
    better = "higher is better" if merit.greater else "lower is better"
    wide = _shell.console().width >= WIDE
    tests = int(result.table["gain_p_holm"].notna().sum())
    many = f" (of a combination: for all {tests} at once)" if tests > 1 else ""
    caption = f"{merit.label}, {better}; gain over the best single modality; 95 % intervals{many}"
    rich = Grid(box=None, pad_edge=False, caption=caption, caption_justify="left")
    rich.add_column("")
    for name in (merit.label, "gain", *(("fit", "learned", "operations") if wide else ())):
        rich.add_column(name, justify="right", no_wrap=True)
    for row in result.table.itertuples(index=False):
        chosen = row.name == result.recommended
        cells = [f"{'→ ' if chosen else '  '}{row.label}", _spread(merit, row.score, row.low, row.high)]
        cells.append(_spread(merit, row.gain, *across(row), signed=True) if row.gain == row.gain else "")
        if wide:
            cells += [seconds(row.fit_seconds), count(row.parameters), count(row.operations or None)]
        rich.add_row(*cells, style="bold" if chosen else "dim" if row.family == "baseline" else "")
    return rich


def _spread(merit: Any, value: float, low: float, high: float, signed: bool = False) -> str:
    """``0.81 [0.79, 0.83]``, its bracket escaped for rich."""
    shown = merit.show(value, signed)
    return f"{shown} \\[{merit.show(low, signed)}, {merit.show(high, signed)}]" if low == low else shown
