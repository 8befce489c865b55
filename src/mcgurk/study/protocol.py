"""Which rows train and which test: the data's own split, or repeated folds that never cut a group, the same for every contestant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mcgurk.data.dataset import Dataset
from mcgurk.data.split import folds as make_folds
from mcgurk.data.split import units
from mcgurk.data.target import Target
from mcgurk.errors import DataError, listing
from mcgurk.files import sha256_bytes
from mcgurk.study.settings import Settings

TEST = ("test",)
TRAIN = ("train", "valid", "validation", "val", "dev")
Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Protocol:
    """The outer splits of a study.

    Args:
        scheme: "folds" (cross-validation) or "given" (one split that came with the data).
        splits: (train, test) row numbers, ascending; repeat after repeat.
        folds, repeats: how many of each.
        unit: (n,) int64, rows of one unit are never separated; what the bootstrap draws.
        grouped: whether groups were given.
    """

    scheme: str
    splits: tuple[Split, ...]
    folds: int
    repeats: int
    unit: np.ndarray
    grouped: bool
    _facts: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """What the plan stores: sizes and a hash of every row number."""
        if not self._facts:
            parts = b"".join(np.ascontiguousarray(rows, dtype="<i8").tobytes() + b"|" for split in self.splits for rows in split)
            self._facts.update(
                scheme=self.scheme,
                folds=self.folds,
                repeats=self.repeats,
                sizes=[[len(train), len(test)] for train, test in self.splits],
                units=int(self.unit.max()) + 1,
                grouped=self.grouped,
                sha256=sha256_bytes(parts),
            )
        return self._facts

    @property
    def ratio(self) -> float:
        """Test rows over training rows, averaged: the correction of resampled intervals."""
        return float(np.mean([len(test) / len(train) for train, test in self.splits]))

    def repeat_of(self, fold: int) -> int:
        """Which repeat the fold belongs to."""
        return fold // self.folds

    def sentence(self, seed: int) -> str:
        """The protocol in words."""
        kept = "groups and rows that share an item stay on one side" if self.grouped else "rows that share an item stay on one side"
        if self.scheme == "given":
            train, test = self.splits[0]
            return f"One split that came with the data: {len(train):,} rows to learn from, {len(test):,} to test."
        times = "" if self.repeats == 1 else f", {self.repeats} times in different orders"
        same = "classes and patterns of absence are balanced; the same folds for every contestant"
        return f"{self.folds} folds{times}; {kept}; {same}; seed {seed}."


def protocol_of(X: Dataset, target: Target, groups: np.ndarray | None, settings: Settings) -> Protocol:
    """The splits that the settings ask for.

    Raises:
        DataError: S01, too few units, or the given split lacks a side.
    """
    unit = units(X, groups=groups)
    if settings.folds == "given":
        split = given_split(X)
        if split is None:
            raise DataError(
                "folds='given' needs a row fact 'split' with the values train and test; add it with X.with_rows(split=...)", code="S01"
            )
        return Protocol("given", (split,), 1, 1, unit, groups is not None)
    k = int(settings.folds)
    splits = make_folds(X, _stratum(target), n_splits=k, groups=groups, repeats=settings.repeats, seed=settings.seed)
    return Protocol("folds", tuple(splits), len(splits) // settings.repeats, settings.repeats, unit, groups is not None)


def _stratum(target: Target) -> np.ndarray:
    """What folds are balanced by: classes, or the rank of numbers (so that few distinct ones are not taken for classes)."""
    labels = target.row_labels()
    if target.spec.task in ("number", "count"):
        return np.argsort(np.argsort(labels, kind="stable"), kind="stable").astype(np.float64)
    return labels


def given_split(X: Dataset) -> Split | None:
    """(train, test) rows where ``X.rows["split"]`` names both; None where it does not."""
    if X.rows is None or "split" not in X.rows.columns:
        return None
    side = np.array([str(v).strip().lower() for v in X.rows["split"]])
    test, train = np.isin(side, TEST), np.isin(side, TRAIN)
    if not (test.any() and train.any()):
        return None
    odd = sorted(set(side[~test & ~train].tolist()))
    if odd:
        raise DataError(f"the row fact 'split' holds {listing(odd)}; expected {', '.join((*TRAIN, *TEST))}", code="L01")
    return np.flatnonzero(train), np.flatnonzero(test)


def seen_in_training(X: Dataset, groups: np.ndarray | None, splits: tuple[Split, ...]) -> Mapping[str, float]:
    """Row fact -> share of test rows whose value also occurs in training, averaged over splits.

    Only facts that could name a group: five values or more, two rows each on average, none in half of the rows;
    never places in time.
    """
    named = {} if X.rows is None else {str(n): X.rows[n].astype(str).to_numpy() for n in X.rows.columns}
    if groups is not None and not any((groups == values).all() for values in named.values()):
        named["group"] = groups
    out: dict[str, float] = {}
    for name, values in named.items():
        if name in ("split", "start", "end", "step") or name.startswith("coverage."):
            continue
        _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
        if len(counts) >= 5 and 2 * len(counts) <= len(values) and counts.max() < 0.5 * len(values):
            out[name] = float(np.mean([np.isin(codes[test], codes[train]).mean() for train, test in splits]))
    return out
