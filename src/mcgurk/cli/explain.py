"""``mcgurk explain``: which modality made each prediction what it is, or where a model looked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mcgurk.cli import _shell
from mcgurk.cli._table import Table

if TYPE_CHECKING:
    import pandas as pd

WHAT = ("shares", "attention")
PICTURES = (".svg", ".png")
EVEN = 0.995
"""Entropy beyond which weights say no place."""
FIRST = 100
"""Rows that are looked at unless more are asked for: each has a map of all its steps."""


def explain(
    model: Path = typer.Argument(help="A model that fit or compare wrote.", show_default=False),
    path: Path = typer.Argument(help="A .csv, .tsv, .parquet or .jsonl file, or a folder.", show_default=False),
    what: str = typer.Option("shares", "--what", help="shares: of each modality in the prediction. attention: where the model looked."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Table to write: .csv, .tsv, .parquet or .jsonl."),
    plot: Path | None = typer.Option(None, "--plot", help="Picture of the first row's maps: .svg or .png (attention only)."),
    layer: int | None = typer.Option(None, "--layer", min=1, help="Only this layer; default: the mean of all (attention only)."),
    head: int | None = typer.Option(None, "--head", min=1, help="Only this head; default: the mean of all (attention only)."),
    id: str | None = typer.Option(None, "--id", help="Column of row identifiers; default: a column named like one."),
    root: Path | None = typer.Option(None, "--root", help="Folder that file names start from."),
    rows: int | None = typer.Option(None, "--rows", min=1, help=f"Explain only the first rows; attention takes {FIRST} if not told."),
) -> dict[str, Any]:
    """Say how much of each prediction comes from which modality, or where a model with cross-modal attention looked.

    Shares add up from what the model says knowing nothing; every model has them. Attention is where the model looked, which is not the
    same as what the prediction rests on: the erasure check beside it says how far the two agree.

    Example: mcgurk explain m.mcgurk new.csv -o why.csv

    Example: mcgurk explain m.mcgurk new.csv --what attention --plot looked.svg -o looked.parquet
    """
    import mcgurk
    from mcgurk.cli.predict import check_ending, write
    from mcgurk.errors import DataError

    if what not in WHAT:
        raise DataError(f"--what {what} was given; it is one of {', '.join(WHAT)}", code="C02")
    if what == "shares" and (plot is not None or layer is not None or head is not None):
        raise DataError("--plot, --layer and --head belong to --what attention; leave them out, or ask for it", code="C02")
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise DataError(f"{plot.name} has no ending that can be drawn; give one of {', '.join(PICTURES)}", code="C02")
    if output is not None:
        check_ending(output)
    fitted = mcgurk.load(model)
    rows = FIRST if rows is None and what == "attention" else rows
    X = Table(path, {"id": id, "root": root, "rows": rows}).read(like=fitted.spec_).X
    facts: dict[str, Any] = {"model": str(model), "what": what, "rows": len(X), "output": None if output is None else str(output)}
    frame, found = _shares(fitted, X) if what == "shares" else _attention(fitted, X, plot, layer, head)
    if output is not None:
        write(frame(), output)
        _shell.say(f"Row by row: {output}")
    return facts | found


def _shares(fitted: Any, X: Any) -> tuple[Any, dict[str, Any]]:
    from mcgurk.study.explain import explain as explained

    found = explained(fitted, X)
    of = "the predicted label's probability" if fitted.target_.task == "classes" else "the prediction"
    _shell.say(f"Mean absolute share in {of}, over {len(found.ids):,} rows:")
    for name, share in found.mean_share().items():
        _shell.say(f"  {name:<20} {share:.4g}")
    return found.to_frame, {"mean_share": found.mean_share()}


def _attention(fitted: Any, X: Any, plot: Path | None, layer: int | None, head: int | None) -> tuple[Any, dict[str, Any]]:
    from mcgurk.files import atomic_open
    from mcgurk.study.attention import attention

    found = attention(fitted, X)
    summary = found.summary(layer=layer, head=head)
    chosen = [f"{what} {number}" for what, number in (("layer", layer), ("head", head)) if number is not None]
    _shell.say(f"Where the model looked, over {len(X):,} rows ({', '.join(chosen) or 'mean of layers and heads'}):")
    for line in _told(summary):
        _shell.say(f"  {line}")
    check = found.erasure
    assert check is not None
    for line in check.itertuples():
        _shell.say(
            f"  Without the tenth of {line.source}'s steps that was looked at most the prediction changes by {line.attended:.3g}, without "
            f"the most relevant tenth by {line.relevant:.3g}, without a random one by {line.random:.3g}; looked at minus random: "
            f"{line.difference:.3g} [{line.low:.3g}, {line.high:.3g}], {line.rows} rows."
        )
    _shell.say(
        "  This is where it looked, not what the prediction rests on (Jain, Wallace 2019; Wiegreffe, Pinter 2019); for that: --what shares."
    )
    if plot is not None:
        with atomic_open(plot, "wb") as file:
            found.plot(layer=layer, head=head).savefig(file, format=plot.suffix[1:].lower(), dpi=150)
        _shell.say(f"Picture of row {found.ids[0]}: {plot}")
    return lambda: found.to_frame(layer=layer, head=head), {
        "summary": summary,
        "erasure": check,
        "plot": None if plot is None else str(plot),
    }


def _told(summary: pd.DataFrame) -> list[str]:
    """One line a map."""
    parts = summary["part"].nunique() > 1
    lines = []
    for line in summary.to_dict("records"):
        name = (
            (f"{line['part']}: " if parts and line["part"] else "") + (f"{line['target']} <- " if line["target"] else "") + line["source"]
        )
        facts = []
        if not math.isnan(line["share"]):
            facts.append(f"{'gate' if line['kind'] == 'gate' else 'share'} {line['share']:.3f}")
        even = line["entropy"] > EVEN
        for what in ("relevant",) if even else ("lag", "peak", "relevant"):
            if not math.isnan(line[what]):
                named = {"lag": "mean lag", "peak": "most at", "relevant": "most relevant at"}[what]
                facts.append(f"{named} {line[what]:+.3g} {line['unit']}")
        if not math.isnan(line["entropy"]):
            facts.append("everywhere alike" if even else f"entropy {line['entropy']:.2f} of even")
        lines.append(f"{name:<28} {', '.join(facts) or 'one step: all of it'}")
    return lines
