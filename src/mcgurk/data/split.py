"""Folds that never cut what belongs together, alike in classes and in what is absent."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from mcgurk.data.dataset import Dataset
from mcgurk.data.pairs import check_pairs, components
from mcgurk.data.twins import twins as twins_of
from mcgurk.errors import DataError, McgurkWarning, listing
from mcgurk.seeding import generator

Split = tuple[np.ndarray, np.ndarray]
NUMBERS = 20
BINS = 10


def units(X: Dataset, *, groups: Any = None, pairs: Any = None, twins: bool = True) -> np.ndarray:
    """(n,) int64: rows of one unit may not be separated: the components of groups, pairs and shared content.

    Args:
        X: the data; ``X.rows["group"]`` is used where ``groups`` is None.
        groups: (n,) labels.
        pairs: (m, 2) rows of X.
        twins: whether rows that share an item's content belong together (see :func:`mcgurk.data.twins.twins`).
    """
    if groups is None and X.rows is not None and "group" in X.rows.columns:
        groups = X.rows["group"]
    if groups is not None:
        groups = np.asarray(groups).astype(str)
        if groups.shape != X.shape:
            raise DataError(f"groups has shape {groups.shape}, expected {X.shape}: one label a row")
    edges = None if pairs is None else check_pairs(pairs, len(X))
    return components(len(X), groups, twins_of(X) if twins else None, pairs=edges)


def folds(
    X: Dataset,
    y_labels: Any = None,
    *,
    n_splits: int = 5,
    groups: Any = None,
    pairs: Any = None,
    seed: int = 0,
    stratify: bool = True,
    repeats: int = 1,
    twins: bool = True,
) -> list[Split]:
    """``repeats`` times ``n_splits`` (train, test) row numbers; every row is tested once a repeat.

    Units (see :func:`units`) are never cut. Folds are made alike in size, classes and patterns of absence: large units first, each into the
    fold it unbalances least, then single rows dealt out within class and pattern. Numbers with more than 20 distinct values are stratified
    by tenths. The same seed gives the same folds on every machine.

    Where a class lives in fewer units than there are folds, some folds must test (and, if it lives in one unit, train) without it: the
    folds are made all the same and warning S01 says so. Fewer units than folds: as many folds as units, with warning S01.

    Args:
        X: the data.
        y_labels: (n,) class labels, codes (-1: unlabelled) or numbers; None to stratify by absence only.
        n_splits: folds a repeat.
        groups, pairs, twins: what must not be separated.
        seed: of the named stream "folds".
        stratify: whether classes and patterns are balanced at all.
        repeats: how often the whole is repeated in another order.

    Raises:
        DataError: S01, fewer than two units: nothing can be split.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dataset, Lazy
        >>> X = Dataset({"t": Lazy(list("abcdef"))})
        >>> [test.tolist() for _, test in folds(X, [0, 1, 0, 1, 0, 1], n_splits=3, groups=[1, 1, 2, 2, 3, 3])]
        [[0, 1], [2, 3], [4, 5]]
    """
    if n_splits < 2:
        raise DataError(f"n_splits={n_splits}; expected at least 2")
    unit = units(X, groups=groups, pairs=pairs, twins=twins)
    strata, classes = _strata(X, y_labels, n_splits, stratify)
    count = int(unit.max(initial=-1)) + 1
    if count < 2:
        raise DataError(
            f"{len(X)} rows form {count} unit that must not be cut (groups, pairs, shared content); at least 2 are needed to split",
            code="S01",
        )
    if count < n_splits:
        warnings.warn(McgurkWarning(f"{count} units cannot fill {n_splits} folds; {count} folds are made", code="S01"), stacklevel=2)
        n_splits = count
    _warn_rare(classes, unit, n_splits)
    everything = np.arange(len(X))
    out: list[Split] = []
    for repeat in range(repeats):
        fold = _assign(unit, strata, classes, np.full(n_splits, 1 / n_splits), generator(seed, "folds", repeat))
        out += [(everything[fold != k], everything[fold == k]) for k in range(n_splits)]
    return out


def holdout(
    X: Dataset,
    y_labels: Any = None,
    *,
    share: float = 0.25,
    groups: Any = None,
    pairs: Any = None,
    seed: int = 0,
    stratify: bool = True,
    twins: bool = True,
) -> Split:
    """(train, test) row numbers with about ``share`` of the rows in test, under the rules of :func:`folds`.

    Raises:
        DataError: S01 as :func:`folds`; D00 when ``share`` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise DataError(f"share={share!r}; expected a number between 0 and 1, such as 0.25")
    unit = units(X, groups=groups, pairs=pairs, twins=twins)
    if unit.max(initial=-1) < 1:
        raise _uncut(len(X), int(unit.max(initial=-1)) + 1)
    strata, classes = _strata(X, y_labels, 2, stratify)
    _warn_rare(classes, unit, 2)
    fold = _assign(unit, strata, classes, np.array([1 - share, share]), generator(seed, "holdout"))
    return np.flatnonzero(fold == 0), np.flatnonzero(fold == 1)


def unit_folds(unit: np.ndarray, labels: Any, *, n_splits: int, seed: int) -> list[Split]:
    """:func:`folds` of rows whose units are known: inner folds of a method, on arrays; fewer for fewer units, none for one."""
    unit = np.unique(unit, return_inverse=True)[1]
    n_splits = min(n_splits, int(unit.max(initial=-1)) + 1)
    if n_splits < 2:
        return []
    codes = label_codes(labels, len(unit), n_splits)
    fold = _assign(unit, codes, codes, np.full(n_splits, 1 / n_splits), generator(seed, "unit folds"))
    everything = np.arange(len(unit))
    return [(everything[fold != k], everything[fold == k]) for k in range(n_splits)]


def _uncut(rows: int, count: int) -> DataError:
    return DataError(
        f"{rows} rows form {count} unit that must not be cut (groups, pairs, shared content); at least 2 are needed", code="S01"
    )


def _strata(X: Dataset, labels: Any, n_splits: int, stratify: bool) -> tuple[np.ndarray, np.ndarray]:
    """(n,) codes of class x pattern of absence, and (n,) class codes; patterns too rare for every fold are one."""
    n = len(X)
    classes = label_codes(labels, n, n_splits) if stratify else np.zeros(n, dtype=np.int64)
    patterns = np.unique(X.present, axis=0, return_inverse=True)[1].reshape(-1) if stratify else np.zeros(n, dtype=np.int64)
    rare = np.bincount(patterns, minlength=1) < n_splits
    patterns = np.where(rare[patterns], -1, patterns)
    _, strata = np.unique(np.stack([classes, patterns]), axis=1, return_inverse=True)
    return strata.reshape(-1), classes


def label_codes(labels: Any, n: int, n_splits: int) -> np.ndarray:
    """(n,) int64 class codes; numbers of many values as tenths of their order; no labels: all 0."""
    if labels is None:
        return np.zeros(n, dtype=np.int64)
    values = np.asarray(labels)
    if values.shape != (n,):
        raise DataError(f"labels have shape {values.shape}, expected ({n},): one label a row")
    if values.dtype.kind in "biuf":
        distinct = np.unique(values[~np.isnan(values)] if values.dtype.kind == "f" else values)
        if values.dtype.kind == "f" and len(distinct) > NUMBERS:
            bins = int(np.clip(n // (2 * n_splits), 1, BINS))
            known = ~np.isnan(values)
            codes = np.full(n, -1, dtype=np.int64)
            ranks = np.argsort(np.argsort(values[known], kind="stable"), kind="stable")
            codes[known] = ranks * bins // max(known.sum(), 1)
            return np.unique(codes, return_inverse=True)[1]
        return np.unique(np.nan_to_num(values, nan=-1.0) if values.dtype.kind == "f" else values, return_inverse=True)[1]
    return np.unique(np.array([str(v) for v in values]), return_inverse=True)[1]


def _warn_rare(classes: np.ndarray, unit: np.ndarray, n_splits: int) -> None:
    """Classes that live in fewer units than there are folds."""
    held = np.unique(np.stack([classes, unit]), axis=1)[0]
    counts = np.bincount(held)
    rare = [f"class {k} in {c}" for k, c in enumerate(counts) if 0 < c < n_splits]
    if rare and len(counts) > 1:
        warnings.warn(
            McgurkWarning(
                f"{len(rare)} of {len(counts)} classes live in fewer units than {n_splits} folds ({listing(rare, 3)}), "
                "so some folds test without them; gather more, merge classes, or use fewer folds",
                code="S01",
            ),
            stacklevel=3,
        )


def _assign(unit: np.ndarray, strata: np.ndarray, classes: np.ndarray, share: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(n,) fold of each row."""
    fold = np.full(len(unit), -1, dtype=np.int64)
    _place_units(fold, unit, strata, share, random)
    _deal(fold, strata, classes, share, random)
    _leave_none_empty(fold, unit, len(share))
    return fold


def _place_units(fold: np.ndarray, unit: np.ndarray, strata: np.ndarray, share: np.ndarray, random: np.random.Generator) -> None:
    """Units of several rows, the largest first, each where the sum of squared shares grows least."""
    size = np.bincount(unit)
    held = np.zeros((len(share), int(strata.max()) + 1))
    order = random.permutation(len(size))
    order = order[np.argsort(-size[order], kind="stable")]
    order = order[size[order] > 1]
    rows_by_unit = np.split(np.argsort(unit, kind="stable"), np.cumsum(size)[:-1])
    total = np.bincount(strata, minlength=held.shape[1])
    for u in order:
        rows = rows_by_unit[u]
        adds = np.bincount(strata[rows], minlength=held.shape[1])
        touched = np.flatnonzero(adds)
        growth = ((2 * held[:, touched] + adds[touched]) * adds[touched] / total[touched] ** 2).sum(axis=1)
        overall = (2 * held.sum(axis=1) + len(rows)) * len(rows) / len(unit) ** 2
        cost = (growth / len(touched) + overall) / share
        best = random.permutation(np.flatnonzero(cost <= cost.min() * (1 + 1e-12)))[0]
        fold[rows] = best
        held[best] += adds


def _deal(fold: np.ndarray, strata: np.ndarray, classes: np.ndarray, share: np.ndarray, random: np.random.Generator) -> None:
    """Single rows, class by class and pattern by pattern, each to the fold that is owed most.

    What a fold is owed grows with its share of the class that the units placed before left open, and is carried from class to class; so
    fold sizes, classes and patterns all come out within about one row of their due.
    """
    owed = (random.random(len(share)) * 1e-9).tolist()
    single = random.permutation(np.flatnonzero(fold < 0))
    single = single[np.argsort(strata[single], kind="stable")]
    for label in random.permutation(np.unique(classes[single])):
        rows = single[classes[single] == label]
        placed = fold[(classes == label) & (fold >= 0)]
        held = np.bincount(placed, minlength=len(share))
        open_places = np.maximum(share * (len(rows) + len(placed)) - held, 0)
        gain = (open_places / open_places.sum()).tolist()
        for row in rows.tolist():
            owed = [credit + more for credit, more in zip(owed, gain)]
            best = max(range(len(owed)), key=owed.__getitem__)
            owed[best] -= 1
            fold[row] = best


def _leave_none_empty(fold: np.ndarray, unit: np.ndarray, count: int) -> None:
    """A fold that got nothing (large units may fill the others first) takes the smallest unit of the fold that has most."""
    for empty in np.flatnonzero(np.bincount(fold, minlength=count) == 0):
        held = np.unique(np.stack([fold, unit]), axis=1)
        richest = np.bincount(held[0]).argmax()
        candidates = held[1][held[0] == richest]
        fold[unit == candidates[np.argmin(np.bincount(unit)[candidates])]] = empty
