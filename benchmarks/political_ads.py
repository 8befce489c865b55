"""Tone of political ads towards a candidate, from post, sound-track text, picture text and other text; most ads lack most of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._resampled import by_group
from mcgurk import FusionClassifier
from mcgurk.data import Dataset
from mcgurk.data.split import folds
from mcgurk.datasets import load_political_ads
from mcgurk.fusion import Single
from mcgurk.metrics.classification import macro_f1
from mcgurk.train.features import sharing


def f1(truth: Any, predicted: Any) -> float:
    """Macro-F1 of tones -1 and 1."""
    return macro_f1((np.asarray(truth) > 0).astype(int), (np.asarray(predicted) > 0).astype(int))


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """The given split, and five folds that keep candidates whole: late fusion, in full also auto."""
    X, y, _ = load_political_ads(data_root)
    train = X.rows["split"].to_numpy() == "train"
    seen = known_candidates(data_root)
    out: dict[str, Any] = {
        "protocol": "unit: ad x candidate; tones -1 and 1; macro-F1; texts as they are (a quarter hold damaged characters); intervals "
        "by drawing ads "
        f"again. Warning: {seen:.0%} of the test mentions name a candidate seen in training, so the given split rewards knowing who is "
        "attacked; "
        "the grouped figures do not. The library of auto was settled after its score on this test part was seen: with one more unit, on "
        "the words of all fields together, which inner folds held equal (log loss .3283 against .3299), auto scored .8646. Read the "
        "figure as about .867, no better",
        "seed": 0,
        "share of test mentions whose candidate was seen in training": seen,
    }
    with sharing():
        out["given split"] = given_split(X, y, train)
        out["grouped by candidate, late fusion of sentence embeddings"] = by_candidate(X, y, "late")
        if full:
            out["grouped by candidate, auto"] = by_candidate(X, y, "auto")
    return out


def known_candidates(data_root: Path | None) -> float:
    """Share of test mentions that name a candidate of a training mention."""
    mentions, _, _ = load_political_ads(data_root, unit="mention")
    split, candidate = mentions.rows["split"].to_numpy(), mentions.rows["candidate"].to_numpy()
    return float(np.isin(candidate[split == "test"], candidate[split == "train"]).mean())


def given_split(X: Dataset, y: np.ndarray, train: np.ndarray) -> dict[str, Any]:
    """auto on all units, and a linear model of each field's words on the units that have it."""
    model = FusionClassifier(fusion="auto").fit(X[train], y[train])
    ads = X.rows["ad"].to_numpy()
    out: dict[str, Any] = {
        "auto": by_group(f1, y[~train], model.predict(X[~train]), ads[~train]),
        "auto kept": model.model_.winner_,
    }
    for field in X.names:
        here = X[field].present
        alone = Single(field, encoder=("tfidf", {"components": "full"}))
        one = FusionClassifier(fusion=alone).fit(X[train & here], y[train & here])
        out[f"{field} alone, its words, on its {int((~train & here).sum())} test units"] = f1(
            y[~train & here], one.predict(X[~train & here])
        )
    return out


def by_candidate(X: Dataset, y: np.ndarray, fusion: str) -> dict[str, Any]:
    """Five folds over all units, no candidate on both sides."""
    candidate = X.rows["candidate"].to_numpy()
    names, counts = np.unique(candidate, return_counts=True)
    largest = names[counts.argmax()]
    predicted = np.zeros_like(y)
    scores = []
    for train, test in folds(X, y, n_splits=5, groups=candidate, seed=0):
        predicted[test] = FusionClassifier(fusion=fusion).fit(X[train], y[train], groups=candidate[train]).predict(X[test])
        scores.append(f1(y[test], predicted[test]))
    others = candidate != largest
    return {
        "all units": by_group(f1, y, predicted, candidate),
        "without the largest candidate": by_group(f1, y[others], predicted[others], candidate[others]),
        "share of the largest candidate": float(counts.max() / len(y)),
        "mean of folds": float(np.mean(scores)),
        "folds": scores,
    }
