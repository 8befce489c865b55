"""What happens when a modality is missing: accuracy of every fusion method against the share of cells lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _curves
from mcgurk import FusionClassifier, config, registry
from mcgurk.data import Dataset
from mcgurk.data.missing import blank
from mcgurk.data.split import holdout
from mcgurk.datasets import load_digits_halves, make_redundancy, make_uniqueness
from mcgurk.datasets.redundancy import redundancy_answer
from mcgurk.fusion import Single
from mcgurk.registry import Entry
from mcgurk.seeding import generator

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75)
HOLES = 0.5
ROWS = {"planted": (300, 1000), "digits": (400, 597)}
EPOCHS = 30
BATCH = 32
#: Smaller than their defaults, because the whole benchmark trains every method many times.
SMALLER: dict[str, dict[str, Any]] = {
    "auto": {"units": ("linear",), "folds": 3},
    "mfas": {"hidden": (32, 32), "levels": 2, "rounds": 1, "samples": 4, "search_epochs": 2, "width": 64},
    "highmmt": {"latents": 2, "width": 16, "bands": 2},
    "mult": {"width": 20, "depth": 1, "memory": 1},
    "vilbert": {"width": 32, "depth": 1},
    "raven": {"width": 32},
}


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Both sets, every method; short: two seeds and fewer shares. The whole size also draws the pictures of the documentation."""
    seeds, shares = (range(3), SHARES) if full else (range(2), (0.0, 0.25, 0.75))
    (train_planted, test_planted), (train_digits, test_digits) = ROWS["planted"], ROWS["digits"]
    out: dict[str, Any] = {
        "protocol": "every cell (a row's modality) of the test rows is lost with probability s, independently of all else; a row that "
        "would lose every modality keeps one of them, drawn by chance, so that fewer than s are lost in fact (cells lost). complete: "
        f"trained on complete rows; holes: trained on rows whose cells were lost by the same rule with s = {HOLES}. Accuracy, mean over "
        "seeds; 95 % intervals by the deviation of test rows, models as trained; spread: standard deviation between seeds. baseline: the "
        "modality that is best on held-out training rows, by a linear model where it is present, else the largest class; added: the "
        f"paired difference from it. planted: fresh rows a seed, {train_planted} to train and {test_planted:,} to test, 10 features a "
        "modality; first and second hold the same evidence, own holds other evidence of equal strength; bound: what the best possible "
        f"rule reaches on these rows. digits: left and right halves, {train_digits} to train, drawn by seed from the first 1,200, and the "
        f"last {test_digits} to test. Methods as they are by default with at most {EPOCHS} epochs and batches of {BATCH}, but smaller: "
        f"{SMALLER}; mfas reads the first two modalities only; interaction_classifier with matched products and ridge 1",
        "seed": f"0 to {seeds[-1]}",
        "shares": list(shares),
        "left out": left_out(),
    }
    with config.set(threads=1):
        for name, draw in DATA.items():
            out[name] = measured(methods(), draw, seeds, shares)
    if full:
        _curves.small_multiples(out, Path(__file__).resolve().parents[1] / "docs" / "images")
    return out


def planted(seed: int) -> tuple[Dataset, np.ndarray, np.ndarray, np.ndarray]:
    """(X, y, training rows, test rows): two copies of one piece of evidence, and one of its own."""
    n = sum(ROWS["planted"])
    copies, y = make_redundancy(n, random_state=seed)
    more, label = make_uniqueness(3 * n, random_state=seed)
    rows = np.empty(n, dtype=np.int64)
    for value in (0, 1):
        rows[y == value] = np.flatnonzero(label == value)[: (y == value).sum()]
    X = Dataset({"first": copies["a"], "own": more["a"].take(rows), "second": copies["b"]})
    return X, y, np.arange(ROWS["planted"][0]), np.arange(ROWS["planted"][0], n)


def bound(X: Dataset) -> float:
    """Bayes accuracy of the planted task on these rows: pieces of evidence of strength 1 add up, copies count once."""
    pieces = (X["first"].present | X["second"].present).astype(int) + X["own"].present
    return float(np.mean([redundancy_answer(count**0.5)["a"] for count in pieces]))


def digits(seed: int) -> tuple[Dataset, np.ndarray, np.ndarray, np.ndarray]:
    """(X, y, training rows, test rows) of both halves of the digits."""
    X, y = load_digits_halves()
    split = X.rows["split"].to_numpy()
    train = generator(seed, "digits").permutation(np.flatnonzero(split == "train"))
    return X, y, train[: ROWS["digits"][0]], np.flatnonzero(split == "test")


DATA: dict[str, Callable[[int], Any]] = {"planted": planted, "digits": digits}


def methods() -> dict[str, Entry]:
    """Every method of the fusion room that predicts one label from several modalities by itself."""
    return {name: entry for name, entry in registry.entries("fusion").items() if name not in left_out() and entry.role in ROLES}


ROLES = ("fusion", "recipe", "classifier")


def left_out() -> dict[str, str]:
    """Methods that are not compared, and why."""
    return {
        "classifier": "the estimator around all others",
        "graph": "needs a graph; early, late and hybrid are graphs",
        "single": "is the baseline",
    }


def made(name: str, entry: Entry, columns: Sequence[str], seed: int) -> Any:
    """A fresh estimator."""
    cls = registry.find("fusion", name)
    if entry.role == "classifier":
        return cls(terms="matched", ridge=1.0, random_state=seed)
    two = {"columns": tuple(columns[: len(entry.small["columns"])])} if "columns" in entry.small else {}
    return FusionClassifier(cls(**SMALLER.get(name, {}), **two), epochs=EPOCHS, batch_size=BATCH, random_state=seed)


def lose(X: Dataset, share: float, seed: int, part: str) -> Dataset:
    """X with cells lost by the rule of the protocol."""
    rng = generator(seed, "lost cells", part, str(share))
    names = X.names
    lost = rng.random((len(X), len(names))) < share
    keep = rng.integers(0, len(names), len(X))
    everything = np.flatnonzero(lost.all(axis=1))
    lost[everything, keep[everything]] = False
    return Dataset({name: blank(X[name], lost[:, m]) for m, name in enumerate(names)})


class Baseline:
    """The modality that is best on held-out training rows where it is present; the largest class elsewhere."""

    def fit(self, X: Dataset, y: np.ndarray) -> Baseline:
        train, test = holdout(X, y, share=0.25, seed=0)
        held = {}
        for name in X.names:
            here = X[name].present
            model = FusionClassifier(Single(name)).fit(X[train[here[train]]], y[train[here[train]]])
            held[name] = model.score(X[test[here[test]]], y[test[here[test]]])
        best = max(held, key=lambda name: held[name])
        self.model = FusionClassifier(Single(best)).fit(X, y)
        return self

    def predict(self, X: Dataset) -> np.ndarray:
        return np.asarray(self.model.predict(X))


def contestants(entries: Mapping[str, Entry], columns: Sequence[str], seed: int) -> Iterator[tuple[str, Any]]:
    """The baseline, then every method."""
    yield "baseline", Baseline()
    for name, entry in entries.items():
        yield name, made(name, entry, columns, seed)


def measured(entries: Mapping[str, Entry], draw: Callable[[int], Any], seeds: Sequence[int], shares: Sequence[float]) -> dict[str, Any]:
    """Curves of every method on one set, the best on average first."""
    names = ["baseline", *entries]
    right: dict[str, list[Any]] = {"complete": [], "holes": []}
    seconds = np.zeros(len(names))
    bounds, gone = [], []
    for seed in seeds:
        X, y, train, test = draw(seed)
        tests = [lose(X[test], share, seed, "test") for share in shares]
        gone.append([float(1 - part.present.mean()) for part in tests])
        bounds.append([bound(part) for part in tests] if draw is planted else [])
        for kind, rows in (("complete", X[train]), ("holes", lose(X[train], HOLES, seed, "train"))):
            right[kind].append([])
            for m, (_, model) in enumerate(contestants(entries, X.names, seed)):
                started = time.process_time()
                model.fit(rows, y[train])
                seconds[m] += (time.process_time() - started) / (2 * len(seeds))
                right[kind][-1].append([model.predict(part) == y[test] for part in tests])
    by_kind = {kind: np.array(values, dtype=np.float64) for kind, values in right.items()}  # (seeds, methods, shares, rows)
    found = {
        name: {kind: curve(values[:, m], values[:, 0]) for kind, values in by_kind.items()} | {"seconds": round(float(seconds[m]), 2)}
        for m, name in enumerate(names)
    }
    lossy = [k for k, share in enumerate(shares) if share > 0]
    order = sorted(found, key=lambda name: -np.mean(found[name]["complete"]["accuracy"]))
    return {
        "cells lost": np.mean(gone, axis=0).round(3).tolist(),
        **({"bound": np.mean(bounds, axis=0).round(4).tolist()} if bounds[0] else {}),
        "methods": {name: {**found[name], "verdict": {k: verdict(found[name][k], lossy) for k in by_kind}} for name in order},
    }


def curve(right: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    """Accuracy and its difference from the baseline, with intervals, from whether each row was right: (seeds, shares, rows) of both."""
    out: dict[str, Any] = {"accuracy": right.mean(axis=(0, 2)).round(4).tolist()}
    for label, values in (("", right), ("added ", right - baseline)):
        rows = values.mean(axis=0)
        middle, half = rows.mean(axis=1), 1.96 * rows.std(axis=1, ddof=1) / rows.shape[1] ** 0.5
        out |= {f"{label}low": (middle - half).round(4).tolist(), f"{label}high": (middle + half).round(4).tolist()}
    return out | {"spread": right.mean(axis=2).std(axis=0, ddof=1).round(4).tolist()}


def verdict(found: Mapping[str, Any], lossy: Sequence[int]) -> str:
    """Where a curve lies against the baseline's at the shares above 0."""
    if any(found["added high"][k] < 0 for k in lossy):
        return "below the baseline"
    return "above the baseline" if all(found["added low"][k] > 0 for k in lossy) else "not told apart from the baseline"
