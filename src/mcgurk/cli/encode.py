"""``mcgurk encode``: modalities as features, cached by content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from mcgurk.cli import _shell, _table
from mcgurk.cli._table import Table

FEATURES = "The features"


@_table.options
def encode(
    table: Table,
    output: Path = typer.Option(..., "-o", "--output", help="A .parquet file (read back as it was), or .csv.", rich_help_panel=FEATURES),
    encoder: list[str] = typer.Option(
        [], "--encoder", metavar="COLUMN=NAME", help="Encoder of a column or of a kind; may be repeated.", rich_help_panel=FEATURES
    ),
) -> dict[str, Any]:
    """Turn every modality of a table into features; what was encoded before comes from the cache.

    An encoder that learns (a vocabulary, means) learns from all rows here: features for a model to be tested belong in `compare` or `fit`.

    Example: mcgurk encode ads.csv --image photo --only -o features.parquet
    """
    import numpy as np

    from mcgurk.cli.fit import pair
    from mcgurk.cli.predict import check_ending, write
    from mcgurk.data.dataset import Dataset
    from mcgurk.data.read import write_parquet
    from mcgurk.data.spec import spec_of
    from mcgurk.run import Run
    from mcgurk.train import features

    check_ending(output)
    X = table.read().X
    encoders = features.resolve(spec_of(X), dict(pair(text, "--encoder COLUMN=NAME") for text in encoder))
    features.fit(encoders, X, np.arange(len(X)))
    made = Dataset(features.prepare(encoders, X, Run.of()), ids=X.ids, rows=X.rows)
    if output.suffix.lower() == ".parquet":
        write_parquet(made, output)
    else:
        write(wide(made), output)
    facts: dict[str, dict[str, Any]] = {
        n: {"encoder": type(encoders[n]).__name__, "shape": list(made[n].item), "present": float(made[n].present.mean())}
        for n in made.names
    }
    for name, fact in facts.items():
        _shell.say(f"  {name:<20} {fact['encoder']:<20} {'×'.join(map(str, fact['shape']))} numbers, present in {fact['present']:.0%}")
    _shell.say(f"Wrote {len(made):,} rows to {output}.")
    return {"output": str(output), "rows": len(made), "columns": facts}


def wide(X: Any) -> Any:
    """id and one column a feature; absent rows are empty, sequences become the mean of their steps."""
    import numpy as np
    import pandas as pd

    from mcgurk.train.features import arrays

    values, present = arrays(dict(X.items()))
    out: dict[str, Any] = {"id": X.ids}
    for j, (name, block) in enumerate(values.items()):
        out |= {f"{name}_{k}": np.where(present[:, j], column, np.nan) for k, column in enumerate(block.T)}
    return pd.DataFrame(out)
