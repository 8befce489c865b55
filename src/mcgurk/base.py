"""The one contract of everything that is fitted."""

from __future__ import annotations

import os
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError as SklearnNotFitted

from mcgurk.data.coerce import ARRAY_NAME, as_dataset
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec, completed, conform, spec_of
from mcgurk.data.split import holdout, units
from mcgurk.data.target import Target, TargetSpec, encode_target
from mcgurk.data.tasks import Targets, encode_targets
from mcgurk.errors import DataError, NotFittedError
from mcgurk.run import Run


@dataclass(frozen=True, eq=False)
class FitData:
    """What ``_fit`` receives: checked, typed and split.

    Args:
        X: all rows, validation rows included.
        y: encoded target with the training rows' statistics, or None.
        weight: (n,) float64 with mean 1 over the training rows, or None.
        groups: (n,) int64 codes of rows that must not be separated (groups, pairs, shared content), or None where there are none.
        pairs: (m, 2) int64 row numbers, or None.
        valid: (n,) bool, rows held out for stopping and selection, or None where the method may hold out its own.
        tasks: the encoded targets where y came as {task: array}; then ``y`` is None.
    """

    X: Dataset
    y: Target | None = None
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    pairs: np.ndarray | None = None
    valid: np.ndarray | None = None
    tasks: Targets | None = None

    @property
    def labels(self) -> Target | Targets | None:
        """``y`` or ``tasks``, whichever there is: what only splits, takes or counts rows asks either alike."""
        return self.y if self.tasks is None else self.tasks

    def with_labels(self, labels: Target | Targets) -> FitData:
        """The same rows, labelled so."""
        return replace(self, tasks=labels) if isinstance(labels, Targets) else replace(self, y=labels)

    @property
    def spec(self) -> Spec:
        return spec_of(self.X)

    @property
    def target(self) -> TargetSpec:
        return TargetSpec(None) if self.labels is None else self.labels.spec

    @property
    def train_rows(self) -> np.ndarray:
        """Row numbers that may be learned from."""
        return np.arange(len(self.X)) if self.valid is None else np.flatnonzero(~self.valid)

    @property
    def valid_rows(self) -> np.ndarray:
        return np.zeros(0, dtype=np.int64) if self.valid is None else np.flatnonzero(self.valid)

    def take(self, rows: np.ndarray) -> FitData:
        """The same for some rows; statistics of the target are renewed from the training rows among them."""
        rows = np.asarray(rows)
        valid = None if self.valid is None else self.valid[rows]
        pairs = None
        if self.pairs is not None:
            place = np.full(len(self.X), -1, dtype=np.int64)
            place[rows] = np.arange(len(rows))
            moved = place[self.pairs]
            pairs = moved[(moved >= 0).all(axis=1)]
        part = FitData(
            self.X[rows],
            None,
            None if self.weight is None else self.weight[rows],
            None if self.groups is None else self.groups[rows],
            pairs,
            valid,
        )
        return part if self.labels is None else part.with_labels(self.labels.take(rows).with_statistics(part.train_rows))

    def training(self) -> FitData:
        """Only the training rows, nothing held out."""
        return self if self.valid is None else replace(self.take(self.train_rows), valid=None)

    def with_valid(self, valid: np.ndarray) -> FitData:
        """The same rows with others held out; the target's statistics follow."""
        part = replace(self, valid=valid)
        return part if self.labels is None else part.with_labels(self.labels.with_statistics(part.train_rows))


class Unfitted(NotFittedError, SklearnNotFitted):
    """What scikit-learn's tools catch, too."""


class Estimator(BaseEstimator):
    """Base of every method: ``fit`` is final and checks; subclasses write ``_fit(data, run)``.

    Class attributes:
        family: "classifier", "regressor", "several" (y is {task: array}) or None (no target needed).
        pairs_wanted: whether ``pairs`` may be given.
        machine_only: constructor arguments that belong to a machine and not to a model; the store leaves them out.
    """

    family: ClassVar[str | None] = None
    pairs_wanted: ClassVar[bool] = False
    machine_only: ClassVar[tuple[str, ...]] = ("checkpoint",)
    random_state: Any = None
    checkpoint: Any = None
    task: Any = None
    target_transform: str | None = None

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        groups: Any = None,
        pairs: Any = None,
        valid: Any = None,
    ) -> Any:
        """Learn from data.

        Args:
            X: a Dataset, a frame, a dict of arrays, a Hugging Face dataset, or one (n, p) array.
            y: labels or numbers, one a row or (a Ragged) one a step; None and NaN are unlabelled. For methods that learn several tasks
                {task: array}.
            sample_weight: (n,) weights >= 0.
            groups: (n,) rows of one group stay together whenever rows are held out; default ``X.rows["group"]``.
            pairs: (m, 2) row numbers that belong together.
            valid: rows for stopping and selection: None, a fraction, a bool mask, or further rows (X, y), which weights, groups and pairs
                do not speak of.

        Returns:
            self.
        """
        dataset = as_dataset(X)
        if self.family is not None and y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None; give one label or number a row")
        n = len(dataset)
        target = _encoded(y, self) if self.family else None
        if target is not None:
            target.check_rows(n)
        checked = _pairs(pairs, n, self)
        weight, own = _weights(sample_weight, n), _groups(groups, dataset)
        dataset, target, held = _with_valid(dataset, target, valid, own, checked, self)
        weight, own = _extended(weight, own, dataset, held)
        self.spec_ = spec_of(dataset)
        data = FitData(dataset, None, weight, _units(own, checked, dataset), checked, held)
        if target is not None:
            target.check_training(data.train_rows)
            target = target.transformed(self.target_transform, data.train_rows)
            data = data.with_labels(target.with_statistics(data.train_rows))
            self.target_ = data.target
        run = Run.of(self.random_state, self.checkpoint, getattr(self, "dtype", "float32"))
        with run.guard():
            self._fit(data, run)
        self.provenance_ = {"rows": n, "held_out": len(data.valid_rows), "seed": run.seed, "threads": run.facts.get("threads")}
        return self

    @abstractmethod
    def _fit(self, data: FitData, run: Run) -> None:
        """Learn; set attributes ending in "_"."""

    @property
    def n_features_in_(self) -> int:
        """Features of the one array the model was fitted on; other data have modalities, in ``spec_``."""
        spec = getattr(self, "spec_", {}).get(ARRAY_NAME)
        if spec is None or spec.fields is None or len(self.spec_) > 1:
            raise AttributeError(f"this {type(self).__name__} was not fitted on one array; see its spec_")
        return int(spec.item[0])

    def _read(self, X: Any, *, partial: bool = False) -> Dataset:
        """``X`` as fitted: typed by the fitted spec, fitted columns only; with ``partial``, columns left out count as absent."""
        if not hasattr(self, "spec_"):
            raise Unfitted(f"this {type(self).__name__} is not fitted yet; call fit first")
        if isinstance(X, Dataset):
            return conform(completed(X, self.spec_) if partial else X, self.spec_)
        dataset = as_dataset(X, self.spec_)
        if hasattr(self, "n_features_in_") and ARRAY_NAME in dataset and dataset[ARRAY_NAME].item != (self.n_features_in_,):
            given = dataset[ARRAY_NAME].item[0]
            raise DataError(f"X has {given} features, but {type(self).__name__} is expecting {self.n_features_in_} features as input")
        return conform(completed(dataset, self.spec_) if partial else dataset, self.spec_)

    def save(self, path: str | os.PathLike[str], *, embed: bool = False) -> None:
        """Write the fitted model to one ``.mcgurk`` file; ``embed`` puts packaged weights inside."""
        from mcgurk.store import save

        save(self, path, embed=embed)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = self.family is not None
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "spec_")


def adopt(model: Estimator, data: FitData, run: Run) -> Estimator:
    """Fit an inner model on data that is already checked: what ``fit`` does after its checks."""
    model.spec_ = data.spec
    if data.labels is not None:
        model.target_ = data.target
    model._fit(data, run)
    return model


def _encoded(y: Any, model: Estimator, known: TargetSpec | None = None) -> Target | Targets:
    """``y`` as the model's family reads it; ``known`` is the target of labels that came before."""
    if model.family == "several":
        return encode_targets(y, task=model.task, known=known)
    return encode_target(y, model.family or "classifier", task=model.task, known=known)


def _with_valid(
    X: Dataset, y: Target | Targets | None, valid: Any, groups: np.ndarray | None, pairs: np.ndarray | None, model: Estimator
) -> tuple[Dataset, Target | Targets | None, np.ndarray | None]:
    if valid is None:
        return X, y, None
    n = len(X)
    if isinstance(valid, tuple):
        if len(valid) != 2:
            raise DataError(f"valid=(X, y) takes two parts, got {len(valid)}")
        other = conform(as_dataset(valid[0], spec_of(X)), spec_of(X))
        held = np.arange(n + len(other)) >= n
        if y is None:
            return Dataset.stack([X, other]), None, held
        more = _encoded(valid[1], model, y.spec)
        more.check_rows(len(other))
        return Dataset.stack([X, other]), y.stacked(more), held  # type: ignore[arg-type]  # of one family, so of one type
    if isinstance(valid, float):
        if not 0 < valid < 1:
            raise DataError(f"valid={valid} is not a fraction between 0 and 1; give a fraction, a bool mask or (X, y)")
        held = np.zeros(n, dtype=bool)
        held[holdout(X, None if y is None else y.row_labels(), share=valid, groups=groups, pairs=pairs)[1]] = True
        return X, y, held
    mask = np.asarray(valid)
    if mask.dtype != bool or mask.shape != (n,):
        raise DataError(f"valid must be None, a fraction, a bool mask of shape ({n},) or (X, y); got {mask.dtype} of shape {mask.shape}")
    return X, y, mask


def _weights(weight: Any, n: int) -> np.ndarray | None:
    if weight is None:
        return None
    values = np.asarray(weight, dtype=np.float64)
    if values.ndim == 0:
        values = np.full(n, float(values))
    if values.shape != (n,):
        raise DataError(f"sample_weight.shape == {values.shape}, expected ({n},): give one weight a row")
    if not np.isfinite(values).all() or (values < 0).any() or values.sum() <= 0:
        raise DataError("sample weights must be finite, not negative, and not all zero")
    return values


def _groups(groups: Any, X: Dataset) -> np.ndarray | None:
    """The caller's groups, or those the rows bring along."""
    if groups is None:
        return None if X.rows is None or "group" not in X.rows else X.rows["group"].to_numpy()
    groups = groups.to_numpy() if hasattr(groups, "to_numpy") else np.asarray(groups)
    if groups.shape != (len(X),):
        raise DataError(f"groups has shape {groups.shape}, expected ({len(X)},): give one group a row")
    return np.asarray(groups)


def _extended(
    weight: np.ndarray | None, groups: np.ndarray | None, X: Dataset, held: np.ndarray | None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Weights with mean 1 over the training rows; further held-out rows weigh 1 and are groups of their own."""
    n = len(X)
    if weight is not None:
        part = weight if held is None else weight[~held[: len(weight)]]
        if part.sum() <= 0:
            raise DataError("sample weights are all zero on the training rows; give some of them a weight")
        weight = np.concatenate([weight / part.mean(), np.ones(n - len(weight))])
    if groups is not None and len(groups) < n:
        codes = np.unique(groups.astype(str), return_inverse=True)[1]
        groups = np.concatenate([codes, codes.max() + 1 + np.arange(n - len(groups))])
    return weight, groups


def _units(groups: np.ndarray | None, pairs: np.ndarray | None, X: Dataset) -> np.ndarray | None:
    """Codes of rows that must not be separated, by groups, pairs or shared content; None where every row is its own."""
    unit = units(X, groups=groups, pairs=pairs)
    return None if len(np.unique(unit)) == len(X) else unit


def _pairs(pairs: Any, n: int, model: Estimator) -> np.ndarray | None:
    if pairs is None:
        return None
    if not model.pairs_wanted:
        raise DataError(f"{type(model).__name__} takes no pairs; leave them out, or use a coordination method")
    values = np.asarray(pairs)
    if (
        values.ndim != 2
        or values.shape[1] != 2
        or values.dtype.kind not in "iu"
        or (len(values) and (values.min() < 0 or values.max() >= n))
    ):
        raise DataError(f"pairs must be (m, 2) row numbers from 0 to {n - 1}; got {values.dtype} of shape {values.shape}")
    return values.astype(np.int64)
