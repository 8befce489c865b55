"""Every fusion method of the registry on the same folds: two planted tables, house prices, and (long run) emoji."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._stored import Stored
from mcgurk import compare
from mcgurk.data import Dataset
from mcgurk.datasets import load_emoji, load_houses, make_lag, make_synergy
from mcgurk.study import Comparison
from mcgurk.study.settings import Budget

SEED = 0
EMOJI = ("facts", "name", "image")
HOUSES = ["frontal", "tabular"]
"""Columns of the short run: products of several vectors of a thousand numbers take hours."""


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Planted tables, houses where the data are, and emoji in the long run; the short one takes two columns of the houses."""
    folds, minutes = (5, 60) if full else (3, 2)
    studies: dict[str, tuple[Dataset, Any, dict[str, Any]]] = {
        "planted synergy": (*make_synergy(n=1000 if full else 300, random_state=SEED), {}),
        "planted lag": (*lagged(900 if full else 450), {}),
    }
    if full:
        studies["emoji"] = (*load_emoji(columns=EMOJI, random_state=SEED), {})
    if data_root is not None:
        X, y, _ = load_houses(data_root, zips="large")
        studies["houses"] = (X if full else X.select(HOUSES), y, {"metric": "mape"})
    out: dict[str, Any] = {
        "protocol": f"mcgurk compare --fusions all --budget {minutes} on each table: {folds} folds{', twice' if full else ''}, groups and "
        "twins kept together, the same folds, epochs (at most 60), patience (12) and head for every network, default encoders (those "
        "that keep steps for methods that read sequences), nothing tuned; the dearest methods are left out where the plan would take "
        f"more than {minutes} minutes. gain: over the best single modality, positive is better; its interval holds for all combinations "
        "of the table at once (Bonferroni over corrected resampled t intervals), p is Holm's. seconds: wall clock of one fit, features "
        "kept, whatever else the machine did included; in all: of the run that made the table (a finished table is read back). "
        "operations: multiply-accumulates a row after encoding",
        "seed": SEED,
    }
    kept = Stored("all_fusions", (folds, minutes))
    for name, (X, y, options) in studies.items():
        out[name] = kept.get(name, lambda X=X, y=y, options=options: study(X, y, folds, minutes, full, options))
    return out


def study(X: Dataset, y: Any, folds: int, minutes: float, full: bool, options: dict[str, Any]) -> dict[str, Any]:
    """One table."""
    started = time.perf_counter()
    budget = Budget("quick", folds=folds, repeats=2 if full else 1, minutes=minutes)
    result = compare(X, y, budget=budget, fusions="all", random_state=SEED, progress=False, **options)
    return {**told(result, X), "seconds in all": round(time.perf_counter() - started)}


def lagged(n: int) -> tuple[Dataset, np.ndarray]:
    """Is b later than a? Alone neither series says anything, and no statistic of one series does."""
    X, lag = make_lag(n=n, steps=16, max_lag=1, random_state=SEED)
    kept = np.flatnonzero(lag != 0)
    return X[kept], np.where(lag[kept] > 0, "b late", "a late")


def told(result: Comparison, X: Dataset) -> dict[str, Any]:
    """The verdict, who was left out and why, and one line a contestant, best first."""
    winner = result.facts["winner"]
    absent = {
        **result.refused,
        **dict.fromkeys(result.plan["dropped"], "left out to keep to the minutes"),
        **{name: sentence for name, (_, sentence) in result.failed.items()},
    }
    return {
        "rows": len(X),
        "modalities": list(X.names),
        "figure": f"{result.metric['label']}, {'higher' if result.metric['greater'] else 'lower'} is better",
        "answer": result.facts["answer"],
        "recommended": result.recommended,
        "first": winner["name"],
        "first, expected (winners picked on resampled rows, scored on the others)": [winner["expected"], winner["low"], winner["high"]],
        "did not take part": "; ".join(f"{name}: {why}" for name, why in absent.items()),
        "ranking": [line(row) for row in result.table.itertuples(index=False) if row.family != "subset"],
    }


def line(row: Any) -> dict[str, Any]:
    """One contestant."""
    return {
        "contestant": row.label,
        "score": spread(row.score, row.low, row.high),
        "gain": spread(row.gain, row.gain_all_low, row.gain_all_high),
        "p": known(row.gain_p_holm),
        "seconds": row.fit_seconds,
        "learned numbers": whole(row.parameters),
        "operations": whole(row.operations),
        "paper": row.paper,
    }


def spread(value: float, low: float, high: float) -> Any:
    """A figure with its interval, alone where it has none, or nothing."""
    return {"estimate": value, "low": low, "high": high} if np.isfinite(low) else known(value)


def known(value: float) -> Any:
    """A figure, or nothing."""
    return value if np.isfinite(value) else ""


def whole(value: float | None) -> Any:
    """A count, or nothing."""
    return f"{value:,.0f}" if value is not None and np.isfinite(value) else ""
