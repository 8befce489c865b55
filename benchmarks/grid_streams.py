"""Sound and lips as two streams of steps: what cross-modal attention adds to the same network without it, at -5 dB."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mcgurk
from benchmarks import _grid
from benchmarks._resampled import Splits, resampled
from mcgurk import FusionClassifier
from mcgurk.data import Dataset
from mcgurk.data.split import folds
from mcgurk.train.features import sharing

SNR = -5.0
CROSS, OWN, POOLED = "cross-modal attention", "self-attention only", "means of steps side by side"


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Letters and digits; short: one repeat, one seed."""
    seeds = range(2 if full else 1)
    out: dict[str, Any] = {
        "protocol": f"GRID speaker s1, the 500 clips with pictures, white noise at {SNR:g} dB in training and test; five "
        f"folds over clips. {_grid.STREAMS}. {CROSS!r}: a multimodal transformer of width 32 and depth 1, the steps of each stream "
        f"attending to the other's; {OWN!r}: the same network with the same number of parameters, its streams attending to themselves and "
        f"meeting only where their answers stand side by side (MulT(align=False)); {POOLED!r}: no attention and no order. {_grid.EPOCHS} "
        "epochs, no early stopping. Percent of words right, mean over seeds and folds; intervals after Nadeau and Bengio over folds, each "
        f"fold's difference the mean over seeds; by seed: the same difference for each seed of starting values and order. {_grid.SETTLED}",
        "seed": f"folds 0; networks {seeds[0]} to {seeds[-1]}",
    }
    return out | _grid.by_target(studied, data_root, seeds, apart=full)


def studied(target: str, data_root: Path | None, seeds: Sequence[int]) -> dict[str, Any]:
    """One target."""
    with mcgurk.config.set(threads=1), sharing():
        X, y = _grid.words(data_root, target, (SNR,))
        return compared(models(), X, y, folds(X, y, n_splits=5, seed=0), seeds)


def models(epochs: int = _grid.EPOCHS) -> dict[str, Callable[[int], FusionClassifier]]:
    """Name -> maker of a fresh estimator from a seed; the first two differ in one switch."""
    return {
        CROSS: lambda seed: _grid.network(seed, epochs=epochs),
        OWN: lambda seed: _grid.network(seed, align=False, epochs=epochs),
        POOLED: lambda seed: _grid.network(seed, epochs=epochs).set_params(fusion="concat", hidden=(64,)),
    }


def compared(
    made: Mapping[str, Callable[[int], FusionClassifier]], X: Dataset, y: np.ndarray, splits: Splits, seeds: Sequence[int]
) -> dict[str, Any]:
    """Percent right of each, parameters, and what cross-modal attention adds."""
    right = {name: np.zeros((len(seeds), len(splits))) for name in made}
    parameters = {}
    for fold, (train, test) in enumerate(splits):
        for number, seed in enumerate(seeds):
            for name, make in made.items():
                model = make(seed).fit(X[train], y[train])
                right[name][number, fold] = 100 * model.score(X[test], y[test])
                parameters[name] = model.parameters()
    apart = {other: right[CROSS] - right[other] for other in made if other != CROSS}
    return {
        "right": {name: resampled(scores.mean(axis=0), splits) for name, scores in right.items()},
        "parameters": parameters,
        f"{CROSS} minus": {
            other: {**resampled(values.mean(axis=0), splits), "by seed": values.mean(axis=1).tolist()} for other, values in apart.items()
        },
        "verdict": verdict(resampled(apart[OWN].mean(axis=0), splits)),
    }


def verdict(added: Mapping[str, float]) -> str:
    """What the interval of the first difference says."""
    if added["low"] > 0:
        return "cross-modal attention helps"
    return "cross-modal attention harms" if added["high"] < 0 else "cross-modal attention is not shown to help or to harm"
