"""Do probabilities mean what they say: reliability table, calibration error, Brier's decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.metrics import _inputs
from mcgurk.metrics._inputs import Float


def reliability(correct: Any, confidence: Any, *, bins: int = 15, mass: bool = True, weight: Any | None = None) -> dict[str, Float]:
    """Bins of confidence: ``share`` of the weight, mean ``confidence`` and ``accuracy`` of each non-empty bin, by rising confidence.

    Args:
        correct: (n,) 0/1, whether the event happened.
        confidence: (n,) its stated probability.
        bins: how many.
        mass: bins of equal mass (equal confidences stay together); else of equal width on [0, 1].

    Example:
        >>> reliability([1, 1, 1, 0], [0.95, 0.95, 0.55, 0.55], bins=2)["accuracy"]
        array([0.5, 1. ])
    """
    p = _inputs.numbers(confidence, "confidence")
    hit = _inputs.numbers(correct, "correct", p.shape)
    if p.ndim != 1 or p.min() < 0 or p.max() > 1 or bins < 1:
        raise DataError(f"confidence of shape {p.shape} and {bins} bins; expected a vector of probabilities and at least one bin")
    w = _inputs.weights(weight, len(p))
    if mass:
        _, group = np.unique(p, return_inverse=True)
        within = np.bincount(group, weights=w)
        middle = np.cumsum(within) - within / 2.0  # a block of equal confidences goes where its middle lies
        index = np.minimum((middle * bins).astype(np.int64), bins - 1)[group]
    else:
        index = np.minimum((p * bins).astype(np.int64), bins - 1)
    share = _inputs.totals(index, w, bins)
    full = share > 0
    return {
        "share": share[full],
        "confidence": _inputs.totals(index, w * p, bins)[full] / share[full],
        "accuracy": _inputs.totals(index, w * hit, bins)[full] / share[full],
    }


def calibration_error(y: Any, scores: Any, *, weight: Any | None = None, bins: int = 15, mass: bool = True) -> float:
    """Expected calibration error of the predicted class: mean ``|accuracy - confidence|`` over bins, weighted by their share.

    Biased upwards on few rows (bins are noisy): compare models on the same rows only.

    Source: Naeini, Cooper, Hauskrecht 2015, AAAI; Guo et al. 2017, ICML (equal width); Nixon et al. 2019 (equal mass).

    Example:
        >>> round(calibration_error([0, 0, 0, 1], [[0.95, 0.05], [0.95, 0.05], [0.55, 0.45], [0.55, 0.45]]), 6)
        0.05
    """
    codes, p = _inputs.probabilities(y, scores)
    top = p.argmax(axis=1)
    table = reliability(top == codes, p[np.arange(len(p)), top], bins=bins, mass=mass, weight=weight)
    return float(table["share"] @ np.abs(table["accuracy"] - table["confidence"]))


def maximum_calibration_error(y: Any, scores: Any, *, weight: Any | None = None, bins: int = 15, mass: bool = True) -> float:
    """Largest ``|accuracy - confidence|`` of a bin of the predicted class's confidence."""
    codes, p = _inputs.probabilities(y, scores)
    top = p.argmax(axis=1)
    table = reliability(top == codes, p[np.arange(len(p)), top], bins=bins, mass=mass, weight=weight)
    return float(np.abs(table["accuracy"] - table["confidence"]).max())


def brier_decomposition(correct: Any, confidence: Any, *, bins: int = 15, mass: bool = True) -> dict[str, float]:
    """Murphy's decomposition: Brier = reliability - resolution + uncertainty, exact for confidences replaced by their bin means.

    Source: Murphy 1973, J. Applied Meteorology 12:595-600.
    """
    table = reliability(correct, confidence, bins=bins, mass=mass)
    base = float(table["share"] @ table["accuracy"])
    return {
        "reliability": float(table["share"] @ (table["confidence"] - table["accuracy"]) ** 2),
        "resolution": float(table["share"] @ (table["accuracy"] - base) ** 2),
        "uncertainty": base * (1.0 - base),
    }
