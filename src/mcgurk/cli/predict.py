"""``mcgurk predict``: labels and probabilities, or numbers, for the rows of a table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mcgurk.cli import _shell
from mcgurk.cli._table import Table

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".csv", ".tsv", ".parquet", ".jsonl")


def predict(
    model: Path = typer.Argument(help="A model that fit or compare wrote.", show_default=False),
    path: Path = typer.Argument(help="A .csv, .tsv, .parquet or .jsonl file, or a folder.", show_default=False),
    output: Path = typer.Option(..., "-o", "--output", help="Table to write: .csv, .tsv, .parquet or .jsonl."),
    id: str | None = typer.Option(None, "--id", help="Column of row identifiers; default: a column named like one."),
    root: Path | None = typer.Option(None, "--root", help="Folder that file names start from."),
    encoding: str | None = typer.Option(None, "--encoding", help="Encoding of a CSV file."),
    separator: str | None = typer.Option(None, "--separator", help="Separator of a CSV file."),
    rows: int | None = typer.Option(None, "--rows", min=1, help="Read only the first rows."),
    max_bad: float = typer.Option(0.01, "--max-bad", min=0, max=1, help="Share of unreadable rows allowed."),
    rejects: Path | None = typer.Option(None, "--rejects", help="Write rows set aside to this Parquet file."),
) -> dict[str, Any]:
    """Predict the rows of a table with a fitted model; columns are read as they were in fitting, ids are kept.

    Classes give the columns id, label and one probability a class; numbers give id and prediction; of several targets each has these
    columns with its name in front.

    Example: mcgurk predict m.mcgurk new.csv -o out.csv
    """
    import mcgurk

    check_ending(output)
    fitted = mcgurk.load(model)
    given = {"id": id, "root": root, "encoding": encoding, "separator": separator, "rows": rows, "max_bad": max_bad, "rejects": rejects}
    reading = Table(path, given).read(like=fitted.spec_)
    frame = predictions(fitted, reading.X)
    write(frame, output)
    _shell.say(f"Predicted {len(frame):,} rows of {path.name}; wrote {output}.")
    return {"model": str(model), "output": str(output), "rows": len(frame), "rejects": len(reading.rejects), "columns": list(frame.columns)}


def check_ending(path: Path) -> None:
    """Refuse a file name whose ending names no table format, before any work is done."""
    from mcgurk.errors import DataError

    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path.name} has no ending that can be written; give one of {', '.join(FORMATS)}", code="C02")


def predictions(fitted: Any, X: Any) -> pd.DataFrame:
    """id and what the model says of each row."""
    import pandas as pd

    from mcgurk.train.features import sharing

    frame = pd.DataFrame({"id": X.ids})
    target = fitted.target_
    if not target.parts:
        shares = fitted.predict_proba(X) if target.classes else None
        predicted = fitted.predict(X) if shares is None else fitted.classes_[shares.argmax(axis=1)]
        return frame.assign(**said(target, predicted, shares))
    with sharing():
        predicted, shares = fitted.predict(X), fitted.predict_proba(X)
    for task, part in target.parts:
        frame = frame.assign(**{f"{task}_{name}": values for name, values in said(part, predicted[task], shares.get(task)).items()})
    return frame


def said(target: Any, predicted: Any, shares: Any) -> dict[str, Any]:
    """Columns of one target: its label and probabilities, or its numbers."""
    if target.classes:
        label = {"label": predicted} if target.task == "classes" else {}
        return label | {f"p_{name}": values for name, values in zip(target.classes, shares.T)}
    if predicted.ndim == 1:
        return {"prediction": predicted}
    return {f"prediction_{j}": column for j, column in enumerate(predicted.T)}


def write(frame: pd.DataFrame, path: Path) -> None:
    """A table in the format its ending names, whole or not at all."""
    from mcgurk.files import atomic_write

    suffix = path.suffix.lower()
    if suffix == ".parquet":
        import pyarrow

        from mcgurk.data import parquet

        parquet.write_arrow(pyarrow.Table.from_pandas(frame, preserve_index=False), path)
        return
    text = io.StringIO()
    if suffix == ".jsonl":
        frame.to_json(text, orient="records", lines=True, force_ascii=False)
    else:
        frame.to_csv(text, index=False, sep="\t" if suffix == ".tsv" else ",")
    atomic_write(path, text.getvalue())
