"""Which modality made a prediction what it is: shares that add up, from what the model says when it does not know some of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.coerce import as_dataset
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import conform
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.results import Result
from mcgurk.study.contest import absent

if TYPE_CHECKING:
    import pandas as pd

MOST = 8
"""Modalities up to which all subsets are asked (256 of them)."""


@dataclass(frozen=True, eq=False)
class Explanation(Result):
    """What each modality contributed to each prediction.

    Args:
        ids: (n,) of the rows.
        prediction: (n,) label or number.
        value: (n,) probability of the predicted label, or the number.
        base: (n,) what the model says of that label, or number, knowing nothing.
        shares: modality -> (n,); ``base + sum of shares == value``.
    """

    ids: np.ndarray
    prediction: np.ndarray
    value: np.ndarray
    base: np.ndarray
    shares: Mapping[str, np.ndarray]

    def to_frame(self) -> pd.DataFrame:
        """One line a row."""
        import pandas as pd

        head = {"id": self.ids, "prediction": self.prediction, "value": self.value, "base": self.base}
        return pd.DataFrame({**head, **{f"from_{name}": values for name, values in self.shares.items()}})

    def mean_share(self) -> dict[str, float]:
        """Mean absolute share of each modality, the largest first."""
        sizes = {name: float(np.abs(values).mean()) for name, values in self.shares.items()}
        return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def explain(model: Any, X: Any) -> Explanation:
    """Shapley shares of the modalities in every prediction.

    ``phi_m = sum over S without m of |S|! (M - |S| - 1)! / M! (v(S + m) - v(S))``, where ``v(S)`` is the probability of the predicted label
    (or the predicted number) when the model sees only the modalities ``S``. A modality that is absent in a row has share 0 there.

    When not to use it: as a cause in the world. It says what the model's answer rests on; modalities that say the same share the credit.

    Args:
        model: a fitted classifier or regressor of one output.
        X: rows to explain.

    Shapes: n rows, M modalities; 2^M predictions a row.

    Raises:
        DataError: C02, more than eight modalities, several outputs, or labels a step.

    Source: Shapley 1953, A value for n-person games.

    Example:
        >>> from mcgurk.datasets import make_uniqueness
        >>> import mcgurk
        >>> X, y = make_uniqueness(n=100)
        >>> found = explain(mcgurk.FusionClassifier(fusion="early").fit(X, y), X)
        >>> bool(abs(found.base + sum(found.shares.values()) - found.value).max() < 1e-9), list(found.mean_share())
        (True, ['a', 'b'])
    """
    data = conform(as_dataset(X, model.spec_), model.spec_)
    names = data.names
    spec = model.target_
    several = spec.task == "multilabel" or (spec.task != "classes" and spec.columns > 1)
    if len(names) > MOST or spec.per != "row" or several or spec.parts:
        kind = f"{len(spec.parts)} targets" if spec.parts else f"a {spec.task} target with {spec.columns} outputs a {spec.per}"
        raise DataError(f"{len(names)} modalities, {kind}; explain takes up to {MOST} modalities and one label or number a row", code="C02")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", McgurkWarning)  # rows that know nothing are the base here, and no news
        whole = _values(model, data)
        place = whole.argmax(axis=1) if spec.task == "classes" else np.zeros(len(data), dtype=np.int64)
        rows = np.arange(len(data))
        said = {
            frozenset(subset): _values(model, _only(data, subset))[rows, place]
            for k in range(len(names) + 1)
            for subset in combinations(names, k)
        }
    shares = {name: _share(name, names, said) for name in names}
    prediction = model.classes_[place] if spec.task == "classes" else whole[:, 0]
    return Explanation(data.ids, prediction, said[frozenset(names)], said[frozenset()], shares)


def _values(model: Any, X: Dataset) -> np.ndarray:
    """(n, k) probabilities, or (n, 1) numbers."""
    found = model.predict_proba(X) if model.target_.task == "classes" else model.predict(X)
    return np.asarray(found, dtype=np.float64).reshape(len(X), -1)


def _only(X: Dataset, names: tuple[str, ...]) -> Dataset:
    """``X`` with all other modalities unobserved."""
    for name in X.names:
        if name not in names:
            X = absent(X, name)
    return X


def _share(name: str, names: tuple[str, ...], said: Mapping[frozenset[str], np.ndarray]) -> np.ndarray:
    others = [n for n in names if n != name]
    count = len(names)
    total = np.zeros(len(said[frozenset()]))
    for k in range(count):
        weight = factorial(k) * factorial(count - k - 1) / factorial(count)
        for subset in combinations(others, k):
            total = total + weight * (said[frozenset((*subset, name))] - said[frozenset(subset)])
    return total
