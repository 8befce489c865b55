"""What a fitted thing can do. Each role asks one primitive of a method and derives the rest."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin

from mcgurk.data.coerce import as_dataset
from mcgurk.data.column import Dense, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, McgurkWarning, UnknownName, listing
from mcgurk.results import Alignment, Report, Trace
from mcgurk.run import Run


class Predictor:
    """Scores for rows: (n, k) logits for classes and labels, numbers in the target's units, log-means for counts.

    With a label per step, rows are the steps of all sequences one after another.
    """

    target_: TargetSpec

    @abstractmethod
    def _scores(self, X: Dataset) -> np.ndarray:
        """(n, k) scores of a conformed Dataset; rows without any modality may hold anything."""

    def _scored(self, X: Any) -> tuple[np.ndarray, Dataset]:
        dataset = self._read(X)  # type: ignore[attr-defined]
        scores = np.asarray(self._scores(dataset), dtype=np.float64)
        if self.target_.per == "row":
            nothing = ~dataset.present.any(axis=1)
            if nothing.any():
                warnings.warn(
                    McgurkWarning(
                        f"{int(nothing.sum())} of {len(dataset)} rows have no modality at all; they get the training rows' average",
                        code="M04",
                    ),
                    stacklevel=4,
                )
                scores = np.where(nothing[:, None], prior_scores(self.target_), scores)
        if not np.isfinite(scores).all():
            raise DataError(
                f"{int((~np.isfinite(scores)).any(axis=1).sum())} predictions are not finite; the model or its input is damaged", code="N03"
            )
        return scores, dataset


def prior_scores(target: TargetSpec) -> np.ndarray:
    """(k,) scores of a row about which nothing is known."""
    if target.parts:
        return np.concatenate([prior_scores(part) for _, part in target.parts])
    if target.task == "classes":
        return np.log(np.maximum(np.asarray(target.prior), 1e-12))
    if target.task == "multilabel":
        share = np.clip(np.asarray(target.prior), 1e-6, 1 - 1e-6)
        return np.log(share) - np.log1p(-share)
    center = np.asarray(target.center)
    return np.log(np.maximum(center, 1e-12)) if target.task == "count" else center


def class_array(target: TargetSpec) -> np.ndarray:
    """(k,) labels in the order of the scores' columns."""
    array = np.asarray(target.classes)
    return (
        array if array.ndim == 1 and array.dtype.kind != "U" else np.array(target.classes, dtype=object if array.ndim != 1 else array.dtype)
    )


def log_probabilities(scores: np.ndarray, target: TargetSpec) -> np.ndarray:
    """(n, k) logarithms of the probabilities of classes, or of labels of their own."""
    if target.task == "multilabel":
        return -np.logaddexp(0, -scores)
    top = scores - scores.max(axis=1, keepdims=True)
    return top - np.log(np.exp(top).sum(axis=1, keepdims=True))


def decided(scores: np.ndarray, target: TargetSpec) -> np.ndarray:
    """What scores predict: (n,) labels, (n, labels) 0/1, or (n,) or (n, k) numbers in the target's units."""
    if target.task == "multilabel":
        return (scores > 0).astype(np.int64)
    if target.task == "classes":
        return class_array(target)[scores.argmax(axis=1)]
    values = np.exp(scores) if target.task == "count" or target.transform == "log" else scores
    return values[:, 0] if target.flat else values


def merit(y: Any, predicted: np.ndarray, target: TargetSpec, weight: Any = None) -> float:
    """Accuracy of the labelled rows (exact match of all labels for multilabel targets), or R² for numbers and counts."""
    from sklearn.metrics import accuracy_score, r2_score

    measure = accuracy_score if target.task in ("classes", "multilabel") else r2_score
    return float(measure(**_labelled(y, predicted, weight)))


class Classifier(ClassifierMixin, Predictor):
    """Labels and probabilities from ``_scores``; ``predict_proba`` is (n, classes), or (n, labels) for multilabel targets."""

    family: ClassVar[str | None] = "classifier"

    @property
    def classes_(self) -> np.ndarray:
        return class_array(self.target_)

    def decision_function(self, X: Any) -> np.ndarray:
        """(n, classes) logits; (n,) log-odds of the second class where there are two."""
        scores, _ = self._scored(X)
        return scores[:, 1] - scores[:, 0] if self.target_.task == "classes" and scores.shape[1] == 2 else scores

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of :meth:`predict_proba`."""
        scores, _ = self._scored(X)
        return log_probabilities(scores, self.target_)

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, classes) probabilities; (n, labels) for multilabel targets."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """(n,) labels; (n, labels) 0/1 for multilabel targets."""
        scores, _ = self._scored(X)
        return decided(scores, self.target_)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of the labelled rows (exact match of all labels for multilabel targets)."""
        return merit(y, self.predict(X), self.target_, sample_weight)


class Regressor(RegressorMixin, Predictor):
    """Numbers or counts from ``_scores``."""

    family: ClassVar[str | None] = "regressor"

    def predict(self, X: Any) -> np.ndarray:
        """(n,) or (n, k) numbers in the target's units; expected counts for count targets; medians where the logarithm was learned."""
        scores, _ = self._scored(X)
        return decided(scores, self.target_)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R² of the labelled rows."""
        return merit(y, self.predict(X), self.target_, sample_weight)


class TaskPredictor(Predictor):
    """Several targets at once: whatever a Classifier or Regressor returns, this returns by task, for every row and every task."""

    family: ClassVar[str | None] = "several"

    def _by_task(self, X: Any) -> dict[str, tuple[np.ndarray, TargetSpec]]:
        scores, _ = self._scored(X)
        parts = self.target_.parts
        ends = np.cumsum([part.columns for _, part in parts])
        return {name: (block, part) for (name, part), block in zip(parts, np.split(scores, ends[:-1], axis=1), strict=True)}

    @property
    def classes_(self) -> dict[str, np.ndarray]:
        """Labels of every task that has classes, in the order of the columns of its probabilities."""
        return {name: class_array(part) for name, part in self.target_.parts if part.classes}

    def predict(self, X: Any) -> dict[str, np.ndarray]:
        """Task -> (n,) labels, (n, labels) 0/1, or numbers in its units."""
        return {name: decided(scores, part) for name, (scores, part) in self._by_task(X).items()}

    def predict_proba(self, X: Any) -> dict[str, np.ndarray]:
        """Task -> (n, classes) probabilities, for the tasks that have classes or labels."""
        return {name: np.exp(log_probabilities(scores, part)) for name, (scores, part) in self._by_task(X).items() if part.classes}

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Task -> accuracy or R² of the rows that ``y`` = {task: array} labels.

        Raises:
            UnknownName: a task that was not fitted.
            DataError: S01, none of a task's rows is labelled.
        """
        targets, predicted = dict(self.target_.parts), self.predict(X)
        out = {}
        for name, truth in y.items():
            if name not in targets:
                raise UnknownName(f"there is no task {name!r}; fitted tasks are {listing(targets)}")
            try:
                out[name] = merit(truth, predicted[name], targets[name], sample_weight)
            except DataError as error:
                raise DataError(f"task {name!r}: {error}", code=error.code) from None
        return out


def _labelled(y: Any, predicted: np.ndarray, weight: Any) -> dict[str, Any]:
    """The labelled rows (or steps) of all three, as scikit-learn's metrics name them."""
    from mcgurk.data.target import unlabelled

    truth = y.values if isinstance(y, Ragged) else np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    if len(truth) != len(predicted):
        raise DataError(f"X has {len(predicted)} rows to score, y has {len(truth)}; give one label a row")
    empty = unlabelled(truth)
    keep = ~(empty if truth.ndim == 1 else empty.any(axis=1))
    if not keep.any():
        raise DataError(f"none of {len(truth)} rows is labelled, so there is nothing to score", code="S01")
    known = truth[keep]
    if known.dtype == object:
        known = np.array(known.tolist())
    return {"y_true": known, "y_pred": predicted[keep], "sample_weight": None if weight is None else np.asarray(weight)[keep]}


class Embedder:
    """Vectors in one space for every modality, each from its own modality alone."""

    @abstractmethod
    def _embed(self, X: Dataset) -> dict[str, np.ndarray]:
        """name -> (n, d) float; rows of an absent modality may hold anything."""

    def transform(self, X: Any) -> Dataset:
        """A Dataset with one (n, d) vector column for each fitted modality that ``X`` has, all in one space."""
        dataset = self._read(X, partial=True)  # type: ignore[attr-defined]
        given = X.names if isinstance(X, Dataset) else as_dataset(X, self.spec_).names  # type: ignore[attr-defined]
        columns = {}
        for name, values in self._embed(dataset).items():
            if name in given:
                present = dataset[name].present
                columns[name] = Dense(np.where(present[:, None], values, 0.0), present, "vector")
        return Dataset._made(dict(sorted(columns.items())), dataset.ids, dataset.rows)

    def encode(self, name: str, items: Any) -> np.ndarray:
        """(n, d) embeddings of items of one modality; rows of absent items are 0."""
        return self.transform({name: items})[name].values

    @staticmethod
    def similarity(a: Any, b: Any) -> np.ndarray:
        """(n, m) cosines of embeddings (n, d) and (m, d); a vector of zeros has cosine 0 with all."""
        left, right = (np.asarray(v, dtype=np.float64) for v in (a, b))
        lengths = [np.linalg.norm(v, axis=1, keepdims=True) for v in (left, right)]
        left, right = (v / np.where(length > 0, length, 1.0) for v, length in zip((left, right), lengths, strict=True))
        return left @ right.T

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Dataset:
        """:meth:`fit`, then :meth:`transform`."""
        return self.fit(X, y, **fit_params).transform(X)  # type: ignore[attr-defined]


class Aligner:
    """Correspondence between two sequences; ``fit`` may have nothing to learn."""

    @abstractmethod
    def _align(self, a: np.ndarray, b: np.ndarray) -> Alignment:
        """Align two (T, d) arrays."""

    def align(self, a: Any, b: Any) -> Any:
        """An Alignment of two (T, d) items, or a list of them, row by row, for two Datasets of one sequence column each."""
        if isinstance(a, Dataset) and isinstance(b, Dataset):
            if len(a) != len(b) or len(a.names) != 1 or len(b.names) != 1:
                raise DataError(
                    f"align needs two Datasets of one column and equal length; got {a.names} x {len(a)} and {b.names} x {len(b)}"
                )
            left, right = a[a.names[0]], b[b.names[0]]
            if not (isinstance(left, Ragged) and isinstance(right, Ragged)):
                raise DataError("align needs sequence columns (Ragged); encode the columns first")
            return [self._align(_steps(left.row(i)), _steps(right.row(i))) for i in range(len(left))]
        return self._align(_steps(a), _steps(b))


def _steps(item: Any) -> np.ndarray:
    values = np.asarray(item, dtype=np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) == 0:
        raise DataError(f"a sequence to align must be (T, d) with at least one step; got shape {np.shape(item)}")
    if not np.isfinite(values).all():
        raise DataError("a sequence to align holds NaN or inf; drop or fill those steps first", code="N01")
    return values


class Generator:
    """Modalities made from others, or from nothing."""

    @abstractmethod
    def _sample(self, given: Dataset | None, to: tuple[str, ...], n: int, run: Run) -> Dataset:
        """``n`` draws of ``to`` for each given row (or ``n`` rows from nothing)."""

    def generate(self, given: Any = None, to: Any = None, *, n: int = 1, random_state: Any = None) -> Dataset:
        """The given rows repeated ``n`` times in order with the modalities ``to`` made; ``rows["source"]`` names the given row.

        What was observed stays as it is: to have it made anew, leave its column out or mark it absent.

        Args:
            given: data with some modalities present (a column left out is absent), or None.
            to: names to make; default: every fitted modality.
            n: draws for each given row.
            random_state: seed of the draws.
        """
        names = tuple([to] if isinstance(to, str) else to or self.spec_)  # type: ignore[attr-defined]
        unknown = [name for name in names if name not in self.spec_]  # type: ignore[attr-defined]
        if unknown:
            raise DataError(f"cannot make {unknown[0]!r}; fitted modalities are {', '.join(self.spec_)}")  # type: ignore[attr-defined]
        dataset = None if given is None else self._read(given, partial=True)  # type: ignore[attr-defined]
        out = self._sample(dataset, names, n, Run.of(random_state))
        source = np.arange(n) if dataset is None else np.repeat(np.arange(len(dataset)), n)
        return out.with_rows(source=source)


class Splitter:
    """Shared and private parts of every modality (fission)."""

    @abstractmethod
    def _split(self, X: Dataset) -> dict[str, np.ndarray]:
        """{"shared" | "shared:name" | "private:name": (n, d)}."""

    def transform(self, X: Any) -> Dataset:
        """A Dataset with a column "shared" and columns "private:<name>"; a column of X left out counts as absent."""
        dataset = self._read(X, partial=True)  # type: ignore[attr-defined]
        columns = {}
        for key, values in self._split(dataset).items():
            name = key.partition(":")[2]
            present = dataset[name].present if name else dataset.present.any(axis=1)
            columns[key] = Dense(np.where(present[:, None], values, 0.0), present, "vector")
        return Dataset._made(dict(sorted(columns.items())), dataset.ids, dataset.rows)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Dataset:
        """:meth:`fit`, then :meth:`transform`."""
        return self.fit(X, y, **fit_params).transform(X)  # type: ignore[attr-defined]


class Reasoner(Predictor):
    """A predictor that can show its steps."""

    @abstractmethod
    def explain(self, X: Any) -> list[Trace]:
        """One Trace a row."""


class Measure:
    """A number about a model or about data, with an interval or a null."""

    @abstractmethod
    def measure(self, model: Any, X: Any, y: Any = None) -> Report:
        """Measure ``model`` (or, with None, the data) on (X, y)."""
