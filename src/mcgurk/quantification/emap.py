"""Empirical multimodally-additive projection: does a trained model use interactions between modalities?"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mcgurk.data.dataset import Dataset
from mcgurk.data.target import unlabelled
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.functional.bootstrap import bootstrap
from mcgurk.metrics import METRICS
from mcgurk.params import Params
from mcgurk.results import Report
from mcgurk.roles import Measure, Predictor
from mcgurk.run import Run, versions

CHUNK = 4096  # predictions at a time
METRIC = {"classes": "accuracy", "multilabel": "multilabel_accuracy", "number": "r2", "count": "r2"}
Scores = Callable[[np.ndarray], np.ndarray]  # (P, M) row numbers, one a modality -> (P, k) scores of the recombined rows


def additive_projection(grid: np.ndarray) -> np.ndarray:
    """The additive function nearest to ``grid`` (N_1, ..., N_M, k): the sum of its mean over all but each axis, less M - 1 times its mean.

    Example:
        >>> import numpy as np
        >>> additive_projection(np.array([[0.0, 0.0], [0.0, 1.0]])[..., None])[..., 0].tolist()
        [[-0.25, 0.25], [0.25, 0.75]]
    """
    axes = tuple(range(grid.ndim - 1))
    mean = grid.mean(axis=axes, keepdims=True)
    out = mean + np.zeros_like(grid)
    for axis in axes:
        out += grid.mean(axis=tuple(a for a in axes if a != axis), keepdims=True) - mean
    return out


def projected(scores: Scores, n: int, modalities: int, budget: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Additive projection (n, k) at n rows, and what each modality contributes alone (M, n, k), both on the scale of the scores.

    Exact over the whole grid of recombined rows where its n^M points are within ``budget``; otherwise each modality's mean is taken over
    as many random recombinations of the others, the same ones for every row, as the budget allows.
    """
    if n**modalities <= budget:
        places = np.stack(np.meshgrid(*[np.arange(n)] * modalities, indexing="ij"), axis=-1)
        grid = scores(places.reshape(-1, modalities)).reshape(*[n] * modalities, -1)
        axes = range(modalities)
        means = [grid.mean(axis=tuple(a for a in axes if a != axis)) for axis in axes]
    else:
        others = rng.integers(0, n, size=(max(1, budget // (modalities * n)), modalities))
        means = []
        for axis in range(modalities):
            places = np.repeat(others[None], n, axis=0)
            places[:, :, axis] = np.arange(n)[:, None]
            means.append(scores(places.reshape(-1, modalities)).reshape(n, len(others), -1).mean(axis=1))
    parts = np.stack(means)
    return parts.sum(axis=0) - (modalities - 1) * parts.mean(axis=(0, 1)), parts


class EMAP(Measure, Params):
    """What a fitted predictor loses when its interactions between modalities are removed and its additive part is kept.

    ``f'(x_i) = sum_m mean_j f(x_im, x_j,-m) - (M - 1) mean f``: the least-squares additive approximation of the model's scores over all
    recombinations of the rows' modalities. Two differences are reported apart: the multimodal gain, of the model over the best single
    modality's part of it, and the interaction gain, of the model over f'.

    Not for: whether the data hold interactions; a model may miss those that are there, or use some that do not help. Recombined rows may
    be unlike any real row.

    Args:
        rows: at most so many rows, drawn at random; the grid has their number to the power of the number of modalities.
        draws: samples of rows, put together.
        budget: predictions a sample may cost; a grid beyond it is sampled.
        repeats: bootstrap replicates of rows, or of whole groups where ``X.rows`` has "group"; the projection itself is held fixed.
        level: coverage of the intervals.
        random_state: of samples and replicates.

    Shapes: any fitted Predictor with a label a row and at least two modalities -> Report: ``table`` with estimate, low and high of the
    accuracy (numbers and counts: R^2) of the model, of f', of each modality's part, and of both gains.

    Raises:
        DataError: no model or y, one modality, a label a step, or fewer than two labelled rows (S01).

    Source: Hessel, Lee 2020, Does my multimodal model learn cross-modal interactions? It's harder to tell than you might think!, EMNLP,
        equation 2; more than two modalities: first-order functional analysis of variance.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.quantification import EMAP
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(120, 2)), "b": rng.normal(size=(120, 2))}
        >>> y = (X["a"][:, 0] + X["b"][:, 0] > 0).astype(int)
        >>> report = EMAP(rows=60, repeats=200).measure(FusionClassifier(fusion="early").fit(X, y), X, y)
        >>> report.scalars["interaction_gain"]
        0.0
    """

    def __init__(
        self, *, rows: int = 200, draws: int = 1, budget: int = 50_000, repeats: int = 1000, level: float = 0.95, random_state: Any = 0
    ) -> None:
        self.rows = rows
        self.draws = draws
        self.budget = budget
        self.repeats = repeats
        self.level = level
        self.random_state = random_state

    def measure(self, model: Any, X: Any, y: Any = None) -> Report:
        dataset, truth = self._inputs(model, X, y)
        names = dataset.names
        run = Run.of(self.random_state)
        chosen, full, additive, alone = [], [], [], []
        for draw in range(self.draws):
            rng = run.rng("noise", draw)
            rows = np.sort(rng.permutation(len(dataset))[: self.rows])
            part = dataset[rows]
            sampled, parts = projected(_scorer(model, part), len(rows), len(names), self.budget, rng)
            chosen.append(rows)
            full.append(_scorer(model, part)(np.repeat(np.arange(len(rows))[:, None], len(names), axis=1)))
            additive.append(sampled)
            alone.append(parts)
        rows = np.concatenate(chosen)
        predictions = {
            "full model": _answers(model, np.concatenate(full)),
            "without interactions": _answers(model, np.concatenate(additive)),
        }
        for m, name in enumerate(names):
            predictions[f"{name} alone"] = _answers(model, np.concatenate([parts[m] for parts in alone]))
        return self._report(model, truth[rows], predictions, _groups(dataset, rows), run)

    def _inputs(self, model: Any, X: Any, y: Any) -> tuple[Dataset, np.ndarray]:
        if not isinstance(model, Predictor) or y is None:
            raise DataError("the additive projection is of a fitted predictor's errors; give a model and y")
        dataset: Dataset = model._read(X)  # type: ignore[attr-defined]
        if model.target_.per == "step":
            raise DataError("the model predicts a label a step; the additive projection is defined for a label a row")
        if len(dataset.names) < 2:
            raise DataError(f"the model reads {dataset.names[0]!r} alone; interactions need two modalities")
        truth = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
        if len(truth) != len(dataset):
            raise DataError(f"X has {len(dataset)} rows and y {len(truth)}; give one label a row")
        empty = unlabelled(truth)
        known = np.flatnonzero(~(empty if truth.ndim == 1 else empty.any(axis=1)))
        if len(known) < 2:
            raise DataError(f"{len(known)} rows have a label; at least 2 are needed", code="S01")
        truth = truth[known]
        if model.target_.task == "classes":
            place = {label: i for i, label in enumerate(model.target_.classes)}
            truth = np.array([place.get(label, -1) for label in truth.tolist()])
        return dataset[known], truth

    def _report(self, model: Any, truth: np.ndarray, predictions: dict[str, np.ndarray], groups: np.ndarray, run: Run) -> Report:
        metric = METRICS[METRIC[model.target_.task]]
        singles = [name for name in predictions if name.endswith(" alone")]
        best = max(singles, key=lambda name: metric(truth, predictions[name]))

        def of(name: str) -> Callable[[np.ndarray], float]:
            return lambda rows: metric(truth[rows], predictions[name][rows])

        def gain(other: str) -> Callable[[np.ndarray], float]:
            return lambda rows: of("full model")(rows) - of(other)(rows)

        figures = {name: of(name) for name in predictions} | {
            "multimodal gain": gain(best),
            "interaction gain": gain("without interactions"),
        }
        lines = []
        for name, statistic in figures.items():
            found = bootstrap(statistic, len(truth), rng=run.rng("noise", name), groups=groups, repeats=self.repeats, level=self.level)
            lines.append((name, found.estimate, found.low, found.high))
        table = pd.DataFrame(lines, columns=["figure", "estimate", "low", "high"])
        scalars: dict[str, float] = {}
        for name, estimate, low, high in lines[-2:]:
            key = name.replace(" ", "_")
            scalars |= {key: estimate, f"{key}_low": low, f"{key}_high": high}
        settings = self.get_params() | {"metric": metric.name, "best single part": best.removesuffix(" alone"), "points": len(truth)}
        return Report(table, scalars, settings, run.seed, "EMAP; Hessel, Lee 2020, EMNLP", versions())


def _scorer(model: Any, X: Dataset) -> Scores:
    """Scores of rows put together from rows of ``X``: modality m from row ``places[:, m]``."""

    def scores(places: np.ndarray) -> np.ndarray:
        out = []
        for start in range(0, len(places), CHUNK):
            some = places[start : start + CHUNK]
            made = Dataset._made({name: X[name].take(some[:, m]) for m, name in enumerate(X.names)}, np.arange(len(some)), None)
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", McgurkWarning
                )  # a recombined row may hold nothing at all; it gets the average, as it should
                out.append(model._scored(made)[0])
        return np.concatenate(out)

    return scores


def _answers(model: Any, scores: np.ndarray) -> np.ndarray:
    """What the model would predict from these scores; the place of a class among the model's classes."""
    target = model.target_
    if target.task == "classes":
        return scores.argmax(axis=1)
    if target.task == "multilabel":
        return (scores > 0).astype(np.int64)
    values = np.exp(scores) if target.task == "count" or target.transform == "log" else scores
    return values[:, 0] if target.flat else values


def _groups(X: Dataset, rows: np.ndarray) -> np.ndarray:
    """What the bootstrap draws as one: the group of a row, else the row, which several samples may hold."""
    if X.rows is not None and "group" in X.rows:
        return X.rows["group"].to_numpy()[rows]
    return rows
