"""``mcgurk explain``: which modality made each prediction what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from mcgurk.cli import _shell
from mcgurk.cli._table import Table


def explain(
    model: Path = typer.Argument(help="A model that fit or compare wrote.", show_default=False),
    path: Path = typer.Argument(help="A .csv, .tsv, .parquet or .jsonl file, or a folder.", show_default=False),
    output: Path | None = typer.Option(None, "-o", "--output", help="Table to write: .csv, .tsv, .parquet or .jsonl."),
    id: str | None = typer.Option(None, "--id", help="Column of row identifiers; default: a column named like one."),
    root: Path | None = typer.Option(None, "--root", help="Folder that file names start from."),
    rows: int | None = typer.Option(None, "--rows", min=1, help="Explain only the first rows."),
) -> dict[str, Any]:
    """Say how much of each prediction comes from which modality: shares that add up from what the model says knowing nothing.

    Example: mcgurk explain m.mcgurk new.csv -o why.csv
    """
    import mcgurk
    from mcgurk.cli.predict import check_ending, write
    from mcgurk.study.explain import explain as explained

    if output is not None:
        check_ending(output)
    fitted = mcgurk.load(model)
    found = explained(fitted, Table(path, {"id": id, "root": root, "rows": rows}).read(like=fitted.spec_).X)
    frame = found.to_frame()
    what = "the predicted label's probability" if fitted.target_.task == "classes" else "the prediction"
    _shell.say(f"Mean absolute share in {what}, over {len(frame):,} rows:")
    for name, share in found.mean_share().items():
        _shell.say(f"  {name:<20} {share:.4g}")
    if output is not None:
        write(frame, output)
        _shell.say(f"Row by row: {output}")
    return {"model": str(model), "rows": len(frame), "mean_share": found.mean_share(), "output": None if output is None else str(output)}
