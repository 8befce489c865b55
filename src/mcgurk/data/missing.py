"""Absence: its patterns in data, and ways to make more of it on purpose, so that a method can be tried against each kind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.column import Column, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.pairs import spread
from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.seeding import generator

if TYPE_CHECKING:
    import pandas as pd

MECHANISMS = ("mcar", "mar", "mnar", "modality")


def remove(
    X: Dataset,
    share: float,
    mechanism: str = "mcar",
    *,
    columns: str | Sequence[str] | None = None,
    seed: int = 0,
    driver: Any = None,
    strength: float = 2.0,
) -> Dataset:
    """``X`` with ``share`` of the present rows of ``columns`` made absent, chosen by

    - ``mcar``: chance alone, in each column by itself;
    - ``mar``: a driver that stays visible: rows high in it are lost more often;
    - ``mnar``: the lost item itself: large values, long texts, large files are lost more often;
    - ``modality``: all of ``columns`` together, in whole groups of ``X.rows["group"]`` (in whole rows where there are no groups).

    With rank r in [-1, 1] of the driver, rows are drawn without replacement with weights exp(strength r). Exactly round(share m) of m
    present rows go (whole groups: as near as groups allow). Nothing of a removed item stays readable: Dense values become 0 (NaN in tabular
    cells), Ragged rows lose their steps, Lazy items become None. ``X`` itself is untouched.

    When not to use it: as proof that a method withstands real absence, which mixes the four.

    Args:
        X: the data.
        share: of the present rows, 0 to 1.
        mechanism: one of the four.
        columns: default all.
        seed: of the named stream.
        driver: for ``mar``: (n,) numbers, or the name of a column that is not removed; default: the first of the other columns.
        strength: how strongly the driver decides; 0 is ``mcar``.

    Raises:
        UnknownName: a mechanism that is none of the four. DataError: a share outside 0 to 1, or no visible driver.

    Source: Rubin 1976, Inference and missing data, Biometrika 63:581-592.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dataset, Dense
        >>> X = Dataset({"a": Dense(np.arange(10.0)[:, None]), "b": Dense(np.ones((10, 1)))})
        >>> Z = remove(X, 0.3, columns="b")
        >>> int(Z["b"].present.sum()), float(Z["b"].values.sum()), int(Z["a"].present.sum())
        (7, 7.0, 10)
    """
    if mechanism not in MECHANISMS:
        raise UnknownName(f"mechanism {mechanism!r} is not known; expected one of {', '.join(MECHANISMS)}")
    if not 0 <= share <= 1:
        raise DataError(f"share={share!r}; expected a share of the rows, between 0 and 1")
    names = X.names if columns is None else (columns,) if isinstance(columns, str) else tuple(columns)
    if mechanism == "modality":
        lost = _whole_groups(X, share, generator(seed, "remove", "modality"))
        for name in names:
            X = X.with_column(name, blank(X[name], lost))
        return X
    visible = _driver(X, names, driver) if mechanism == "mar" else None
    for name in names:
        column = X[name]
        random = generator(seed, "remove", mechanism, name)
        scores = visible if mechanism == "mar" else measure(column) if mechanism == "mnar" else None
        weights = np.zeros(len(X)) if scores is None else strength * _ranks(scores, column.present)
        chance = np.where(column.present, weights + random.gumbel(size=len(X)), -np.inf)
        count = round(share * int(column.present.sum()))
        lost = np.zeros(len(X), dtype=bool)
        lost[np.argsort(-chance, kind="stable")[:count]] = True
        X = X.with_column(name, blank(column, lost))
    return X


def blank(column: Column, lost: np.ndarray) -> Column:
    """The column with the rows where ``lost`` absent and emptied: no trace of their items is kept."""
    return spread(column, np.where(lost | ~column.present, -1, np.arange(len(column))))


def measure(column: Column) -> np.ndarray:
    """(n,) one number an item, for want of a better one: mean of the standardised cells, steps, letters, or bytes; NaN where absent."""
    out = np.full(len(column), np.nan)
    rows = np.flatnonzero(column.present)
    if isinstance(column, Lazy):
        out[rows] = [_size(column.items[row]) for row in rows]
    elif isinstance(column, Ragged):
        out[rows] = column.lengths[rows]
    else:
        flat = column.values[rows].reshape(len(rows), int(np.prod(column.item, dtype=np.int64))).astype(np.float64)
        known = ~np.isnan(flat)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, flat, 0).sum(axis=0) / count
        centred = np.where(known, flat - mean, 0)
        spread_ = np.sqrt((centred**2).sum(axis=0) / count)
        out[rows] = (centred / np.where(spread_ > 0, spread_, 1)).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return out


def _size(item: Any) -> float:
    if isinstance(item, tuple):
        return float(sum(_size(part) for part in item))
    if isinstance(item, Path):
        try:
            return float(os.stat(item).st_size)
        except OSError:
            return 0.0
    return float(len(item))


def _ranks(scores: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Ranks of the present rows scaled to [-1, 1], ties in the middle; 0 where the score is unknown."""
    from scipy.stats import rankdata

    out = np.zeros(len(scores))
    known = present & ~np.isnan(scores)
    if known.sum() > 1:
        out[known] = 2 * (rankdata(scores[known]) - 1) / (known.sum() - 1) - 1
    return out


def _driver(X: Dataset, names: Sequence[str], driver: Any) -> np.ndarray:
    if driver is None:
        others = [name for name in X.names if name not in names]
        if not others:
            raise DataError("mar needs something that stays visible: give driver=, or leave a column out of columns=")
        driver = others[0]
    if isinstance(driver, str):
        if driver in names:
            raise DataError(
                f"the driver {driver!r} is itself removed; expected a column that stays ({listing(n for n in X.names if n not in names)})"
            )
        return measure(X[driver])
    values = np.asarray(driver, dtype=np.float64)
    if values.shape != X.shape:
        raise DataError(f"driver has shape {values.shape}, expected {X.shape}: one number a row")
    return values


def _whole_groups(X: Dataset, share: float, random: np.random.Generator) -> np.ndarray:
    if X.rows is None or "group" not in X.rows.columns:
        lost = np.zeros(len(X), dtype=bool)
        lost[random.permutation(len(X))[: round(share * len(X))]] = True
        return lost
    groups, codes = np.unique(X.rows["group"].astype(str).to_numpy(), return_inverse=True)
    order = random.permutation(len(groups))
    filled = np.cumsum(np.bincount(codes)[order])
    best = int(np.argmin(np.abs(np.concatenate([[0], filled]) - share * len(X))))
    return np.isin(codes, order[:best])


def patterns(X: Dataset) -> pd.DataFrame:
    """Which modalities are present together: one line a pattern, the most frequent first, with its rows and share.

    Example:
        >>> from mcgurk.data import Dataset, Lazy
        >>> patterns(Dataset({"a": Lazy(["x", "y", None]), "b": Lazy(["x", None, "z"])}))[["a", "b", "rows"]].values.tolist()
        [[False, True, 1], [True, False, 1], [True, True, 1]]
    """
    import pandas as pd

    kinds, counts = np.unique(X.present, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    table = pd.DataFrame(kinds[order], columns=list(X.names))
    return table.assign(rows=counts[order], share=counts[order] / max(len(X), 1))
