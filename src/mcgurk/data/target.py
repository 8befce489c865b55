"""What is predicted: its task, classes and the training rows' statistics; y to numbers and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcgurk.data.column import Ragged
from mcgurk.errors import DataError, listing

TASKS = ("classes", "multilabel", "number", "count")
CLASSES_AT_MOST = 20
"""Whole numbers with more distinct values than this are a number, others are classes."""


@dataclass(frozen=True)
class TargetSpec:
    """A target as a model knows it.

    Args:
        task: "classes", "multilabel", "number", "count", or None without a target.
        classes: labels in the order of the scores' columns (label names for multilabel).
        outputs: number of columns of the scores.
        per: "row", or "step" where y is a Ragged with a label for every step of the sequence columns.
        prior: class shares (classes, multilabel) of the labelled training rows.
        center, scale: mean and standard deviation (number), mean (count) of the labelled training rows, after ``transform``.
        transform: "" or "log": models learn the logarithm of a number and predictions are turned back.
        flat: whether y came as (n,), so predictions go back as (n,).
        parts: (name, target) of every task where y is {task: array}; then ``task`` is "several", and the scores of the tasks stand side
            by side in this order.
    """

    task: str | None
    classes: tuple[Any, ...] = ()
    outputs: int = 0
    per: str = "row"
    prior: tuple[float, ...] = ()
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    flat: bool = True
    transform: str = ""
    parts: tuple[tuple[str, TargetSpec], ...] = ()

    @property
    def columns(self) -> int:
        """Columns of the scores."""
        if self.parts:
            return sum(part.columns for _, part in self.parts)
        return len(self.classes) if self.task in ("classes", "multilabel") else self.outputs


@dataclass(frozen=True, eq=False)
class Target:
    """Encoded labels: (n,) codes with -1 unlabelled (classes), (n, L) 0/1 with NaN (multilabel), (n, k) float64 with NaN (number, count).

    ``offsets`` are those of the sequence columns when there is a label per step; then n counts steps.
    """

    spec: TargetSpec
    values: np.ndarray
    offsets: np.ndarray | None = None

    @property
    def rows(self) -> int:
        """How many rows it speaks of: of sequences, where there is a label per step."""
        return len(self.values) if self.offsets is None else len(self.offsets) - 1

    @property
    def labelled(self) -> np.ndarray:
        """(n,) bool."""
        return self.values >= 0 if self.spec.task == "classes" else ~np.isnan(self.values).all(axis=1)

    def take(self, rows: np.ndarray) -> Target:
        """Labels of some rows (of whole sequences, where there is a label per step)."""
        if self.offsets is None:
            return replace(self, values=self.values[rows])
        from mcgurk.data.column import gather_steps

        steps, offsets = gather_steps(self.offsets, np.arange(len(self.offsets) - 1)[rows])
        return replace(self, values=self.values[steps], offsets=offsets)

    def row_labels(self) -> np.ndarray:
        """One label a row for stratifying: the code or value itself; the most frequent (classes) or the mean of a sequence's steps."""
        values = self.values if self.values.ndim == 1 else np.nan_to_num(self.values).sum(axis=1)
        if self.offsets is None:
            return values
        out = np.zeros(len(self.offsets) - 1)
        for i in range(len(out)):
            part = values[self.offsets[i] : self.offsets[i + 1]]
            if len(part):
                out[i] = np.bincount(part[part >= 0] + 0).argmax() if self.spec.task == "classes" and (part >= 0).any() else part.mean()
        return out

    def with_statistics(self, rows: np.ndarray | None = None) -> Target:
        """With prior, center and scale of the labelled rows among ``rows`` (the training rows)."""
        part = self if rows is None else self.take(rows)
        known = part.values[part.labelled]
        spec = self.spec
        if spec.task == "classes":
            counts = np.bincount(known, minlength=len(spec.classes)).astype(float)
            spec = replace(spec, prior=tuple(counts / max(counts.sum(), 1.0)))
        elif spec.task == "multilabel":
            spec = replace(spec, prior=tuple(np.nanmean(known, axis=0)))
        elif spec.task:
            center = np.nanmean(known, axis=0)
            spread = np.nanstd(known, axis=0)
            spec = replace(spec, center=tuple(center), scale=tuple(np.where(spread > 1e-12 * np.maximum(1, np.abs(center)), spread, 1.0)))
        return replace(self, spec=spec)

    def transformed(self, how: str | None, rows: np.ndarray) -> Target:
        """On the scale models learn: ``how`` is None, "log", or "auto" (log where the training rows are positive and their log is clearly
        less skewed: sample skewness above 1, and more than twice that of the logarithm).
        """
        if how is None or self.spec.task != "number":
            return self
        if how not in ("log", "auto"):
            raise DataError(f"target_transform={how!r} is not known; give None, 'log' or 'auto'")
        part = self.take(rows).values
        known = part[~np.isnan(part)]
        if how == "log" and (known <= 0).any():
            raise DataError(f"target_transform='log' needs positive numbers, y holds {known.min():g}")
        everywhere = self.values[~np.isnan(self.values)]
        if how == "auto" and (
            len(known) < 20 or (everywhere <= 0).any() or not skewness(known) > max(1.0, 2 * abs(skewness(np.log(known))))
        ):
            return self
        return replace(self, spec=replace(self.spec, transform="log"), values=np.log(self.values))

    def stacked(self, more: Target) -> Target:
        """With the labels of further rows, encoded alike, below."""
        offsets = None
        if self.offsets is not None and more.offsets is not None:
            offsets = np.concatenate([self.offsets, more.offsets[1:] + self.offsets[-1]])
        return Target(self.spec, np.concatenate([self.values, more.values]), offsets)

    def check_rows(self, n: int) -> None:
        """Refuse another number of labels than of rows."""
        if self.rows != n:
            raise DataError(
                f"Found input variables with inconsistent numbers of samples: X has {n} rows, y has {self.rows}; give one label a row"
            )

    def check_training(self, rows: np.ndarray) -> None:
        """Refuse training rows from which nothing can be learned.

        Raises:
            DataError: S01, they hold no label, or one class only.
        """
        part = self.take(rows)
        known = part.values[part.labelled]
        if not len(known):
            raise DataError(f"none of the {len(part.values)} training labels is known; give some of them", code="S01")
        if self.spec.task == "classes" and (known == known[0]).all():
            raise DataError(
                f"Classifier can't train when only one class is present: the training rows hold only {self.spec.classes[known[0]]!r}; "
                "two or more are needed",
                code="S01",
            )

    def arrays(self) -> tuple[np.ndarray, ...]:
        """What it holds, to tell two of them apart."""
        return (self.values,) if self.offsets is None else (self.values, self.offsets)


def blank(spec: TargetSpec, n: int, offsets: np.ndarray | None = None) -> Target:
    """``n`` rows (or steps) of which no label is known."""
    values = np.full(n, -1) if spec.task == "classes" else np.full((n, spec.columns), np.nan)
    return Target(spec, values, offsets)


def skewness(values: np.ndarray) -> float:
    """Sample skewness; 0 for constant values."""
    centred = values - values.mean()
    spread = np.sqrt(np.mean(centred**2))
    return float(np.mean(centred**3) / spread**3) if spread > 1e-12 * max(1.0, abs(values.mean())) else 0.0


def family_of(task: str) -> str:
    """ "classifier" or "regressor"."""
    return "classifier" if task in ("classes", "multilabel") else "regressor"


def task_of(y: Any) -> str:
    """The task of ``y`` by its values: texts, flags and at most 20 distinct whole numbers are classes; a table of 0 and 1 is multilabel;
    other numbers, and any with fractions (ratings such as 3.5), are a number. Counts only by request.

    Example:
        >>> task_of(["a", "b", "a"]), task_of([1, 2, 2]), task_of([x / 7 for x in range(30)])
        ('classes', 'classes', 'number')
    """
    _refuse_several(y)
    values = np.asarray(y.values if isinstance(y, Ragged) else y.to_numpy() if hasattr(y, "to_numpy") else y)
    known = values[~unlabelled(values)]
    try:
        numbers = known.astype(np.float64) if known.dtype.kind not in "bUS" else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None or any(isinstance(v, (str, bool)) for v in known[:1000].tolist()):
        return "classes"
    if values.ndim == 2:
        return "multilabel" if np.isin(numbers, (0, 1)).all() else "number"
    whole = (numbers == np.floor(numbers)).all()
    return "classes" if whole and len(np.unique(numbers)) <= CLASSES_AT_MOST else "number"


def encode_target(y: Any, family: str, *, task: str | None = None, known: TargetSpec | None = None) -> Target:
    """Encode ``y`` for a classifier or a regressor.

    Args:
        y: (n,) labels or numbers, (n, L) 0/1 or (n, k) numbers, or a Ragged with one label a step. None and NaN are unlabelled.
        family: "classifier" or "regressor".
        task: overrides: "classes", "multilabel", "number" or "count".
        known: the fitted target, to encode further labels (validation) in the same classes.

    Raises:
        DataError: S01 when nothing is labelled or only one class is, L01 for labels that cannot be read.
    """
    if isinstance(y, Ragged):
        inner = encode_target(y.values, family, task=task, known=known)
        return Target(replace(inner.spec, per="step"), inner.values, y.offsets)
    values = _array(y)
    if task is None:
        task = known.task if known else _task(values, family)
    if task not in TASKS:
        raise DataError(f"task {task!r} is not known; expected one of {', '.join(TASKS)}")
    if family_of(task) != family:
        raise DataError(f"task {task!r} does not belong to a {family}; use a {'classifier' if family == 'regressor' else 'regressor'}")
    return (
        _encode_classes(values, known)
        if task == "classes"
        else _encode_labels(values, known)
        if task == "multilabel"
        else _encode_numbers(values, task)
    )


def _array(y: Any) -> np.ndarray:
    if y is None:
        raise DataError("requires y to be passed, but the target y is None; give one label or number a row")
    _refuse_several(y)
    if hasattr(y, "to_numpy"):
        if str(getattr(y, "dtype", "")) == "category":
            y = y.astype(object)
        y = y.to_numpy()
    if hasattr(y, "toarray"):
        raise DataError("y is a sparse matrix; sparse labels are not supported, give y.toarray()")
    values = np.asarray(y)
    if values.dtype.kind in "US":
        values = values.astype(object) if isinstance(y, np.ndarray) else np.array(y, dtype=object)  # a list may mix 1 and "1"
    if values.dtype.kind == "c":
        raise DataError("Complex data not supported: y holds complex numbers; give real numbers or labels")
    if values.ndim == 2 and values.shape[1] == 1:
        from sklearn.exceptions import DataConversionWarning

        warnings.warn("A column-vector y was passed when a 1d array was expected; it is read as (n,)", DataConversionWarning, stacklevel=4)
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise DataError(f"y must be (n,) or (n, k), got shape {values.shape}")
    return values


def _refuse_several(y: Any) -> None:
    if isinstance(y, Mapping):
        raise DataError(f"y is a dict of {len(y)} tasks ({listing(y)}); give one of them, or fit MultiTask on all of them")


def _task(values: np.ndarray, family: str) -> str:
    if family == "regressor":
        return "number"
    return "multilabel" if values.ndim == 2 else "classes"


def unlabelled(values: np.ndarray) -> np.ndarray:
    """Where labels are None or NaN."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.array(
            [v is None or (isinstance(v, float) and v != v) or type(v).__name__ in ("NAType", "NaTType") for v in values.ravel()]
        ).reshape(values.shape)
    return np.zeros(values.shape, dtype=bool)


def _encode_classes(values: np.ndarray, known: TargetSpec | None) -> Target:
    if values.ndim != 1:
        raise DataError(f"class labels must be (n,), got shape {values.shape}; for several labels a row use task='multilabel'")
    empty = unlabelled(values)
    labels = values[~empty]
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            raise DataError("y contains infinity; expected class labels", code="L01")
        if (labels != np.floor(labels)).any():
            raise DataError(
                f"Unknown label type: continuous numbers such as {labels[labels != np.floor(labels)][0]:g}; use a regressor, or labels",
                code="L01",
            )
        if empty.any() and values.dtype.kind == "f":
            labels = labels.astype(np.int64)
    if known:
        classes = known.classes
    else:
        if not len(labels):
            raise DataError(f"no labelled row among {len(values)}; expected at least two classes", code="S01")
        try:
            classes = tuple(np.unique(labels).tolist())
        except TypeError:
            kinds = listing(sorted({type(v).__name__ for v in labels}))
            raise DataError(f"y mixes types that cannot be ordered ({kinds}); give labels of one type", code="L01") from None
    index = {label: i for i, label in enumerate(classes)}
    codes = np.full(len(values), -1, dtype=np.int64)
    try:
        codes[~empty] = [index[v] for v in labels.tolist()]
    except KeyError as error:
        raise DataError(f"label {error.args[0]!r} was not seen in fitting; known: {listing(classes)}", code="L01") from None
    return Target(TargetSpec("classes", classes, len(classes)), codes)


def _encode_labels(values: np.ndarray, known: TargetSpec | None) -> Target:
    if values.ndim != 2:
        raise DataError(f"multilabel y must be (n, labels) of 0 and 1, got shape {values.shape}")
    labels = np.where(unlabelled(values), np.nan, values).astype(np.float64)
    odd = ~(np.isnan(labels) | (labels == 0) | (labels == 1))
    if odd.any():
        raise DataError(f"multilabel y must hold 0 and 1, found {values[odd][0]!r}", code="L01")
    names = known.classes if known else tuple(range(labels.shape[1]))
    return Target(TargetSpec("multilabel", names, len(names), flat=False), labels)


def _encode_numbers(values: np.ndarray, task: str) -> Target:
    try:
        numbers = np.where(unlabelled(values), np.nan, values).astype(np.float64)
    except (TypeError, ValueError):
        raise DataError("y holds values that are not numbers (Unknown label type); use a classifier for labels", code="L01") from None
    if np.isinf(numbers).any():
        raise DataError("y contains infinity; expected finite numbers, NaN where unlabelled", code="N01")
    if np.isnan(numbers).all():
        raise DataError(f"no labelled row among {len(numbers)}; give at least one number", code="S01")
    if task == "count":
        known = numbers[~np.isnan(numbers)]
        if (known < 0).any() or (known != np.floor(known)).any():
            raise DataError(
                f"counts must be whole and not negative, found {known[(known < 0) | (known != np.floor(known))][0]:g}", code="L01"
            )
    flat = numbers.ndim == 1
    numbers = numbers[:, None] if flat else numbers
    return Target(TargetSpec(task, (), numbers.shape[1], flat=flat), numbers)
