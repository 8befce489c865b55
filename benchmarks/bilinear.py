"""A planted label that only products of two modalities can tell: tensor and low-rank fusion against a linear model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk import FusionClassifier
from mcgurk.datasets import make_bilinear
from mcgurk.store import load

TRAINING = {"hidden": (), "dropout": 0.0, "patience": None, "schedule": "cosine"}
METHODS: dict[str, dict[str, Any]] = {
    "tensor": {"fusion": ("tensor", {"norm": None}), "epochs": 60, "optim": ("adamw", 1e-2)},
    "lowrank": {"fusion": ("lowrank", {"width": 64, "rank": 8}), "epochs": 40, "optim": ("adamw", 1e-2)},
    "linear": {"fusion": "concat", "epochs": 20, "optim": ("adamw", 1e-2)},
}


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Mean accuracy over five seeds; short: a tenth of the rows, with d = 5 so that a weight still has as many of them."""
    n, d, seeds = (8000, 16, 5) if full else (800, 5, 2)
    chance = 0.5 / np.sqrt(n // 2 * seeds)
    out: dict[str, Any] = {
        "protocol": f"y = sign of a' W b, d = {d}, no noise; {n // 2} rows to train, {n // 2} fresh rows to test, seeds 0 to {seeds - 1}; "
        f"linear heads, no stopping on held-out rows; one standard deviation of a mean accuracy at chance is {chance:.4f}",
        "seed": 0,
    }
    for name, settings in METHODS.items():
        scores, equal = zip(*(one(settings, n, d, seed) for seed in range(seeds)), strict=True)
        out[name] = {"accuracy": float(np.mean(scores)), "lowest": min(scores), "highest": max(scores), "equal_after_load": all(equal)}
    out["linear"]["standard_deviations_from_chance"] = float((out["linear"]["accuracy"] - 0.5) / chance)
    return out


def one(settings: dict[str, Any], n: int, d: int, seed: int) -> tuple[float, bool]:
    """Accuracy on fresh rows, and whether the saved and loaded model gives the same probabilities, bit for bit."""
    X, y = make_bilinear(n=n, d=d, random_state=seed)
    model = FusionClassifier(**settings, **TRAINING, random_state=seed).fit(X[: n // 2], y[: n // 2])
    fresh = X[n // 2 :]
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.mcgurk")
        again = load(Path(folder) / "model.mcgurk")
    return model.score(fresh, y[n // 2 :]), bool(np.array_equal(model.predict_proba(fresh), again.predict_proba(fresh)))
