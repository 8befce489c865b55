"""Left and right halves of scikit-learn's digits: early, late and hybrid fusion against the reference values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcgurk import FusionClassifier
from mcgurk.datasets import load_digits_halves
from mcgurk.fusion import FusionGraph, LinearUnit, Rule, SideBySide, Source

REFERENCE = {
    "left": 0.781, "right": 0.826, "early": 0.921, "late mean": 0.881, "late product": 0.906, "late max": 0.861, "late min": 0.903,
    "hybrid mean": 0.913,
}  # fmt: skip


def graph(name: str) -> FusionGraph:
    """One of the reference methods from the same few units: pixels as they are, logistic regression with C = 1."""
    as_given = SideBySide(standardise=False, balance=False)
    nodes: dict[str, Any] = {}
    for side in ("left", "right"):
        nodes |= {
            side: Source(side, "precomputed"),
            f"{side} pixels": (as_given, (side,)),
            f"{side} unit": (LinearUnit(C=1.0), (f"{side} pixels",)),
        }
    nodes |= {"both": (as_given, ("left", "right")), "early unit": (LinearUnit(C=1.0), ("both",))}
    kind, _, rule = name.partition(" ")
    inputs = ("left unit", "right unit", *(("early unit",) if kind == "hybrid" else ()))
    if not rule:
        return FusionGraph(nodes, f"{kind} unit").part(f"{kind} unit")
    return FusionGraph({**nodes, "fused": (Rule(rule), inputs)}, "fused").part("fused")


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Accuracy on rows 1,200 to 1,796 of models fitted on the rows before."""
    X, y = load_digits_halves()
    train = X.rows["split"].to_numpy() == "train"
    out: dict[str, Any] = {
        "protocol": "rows 0 to 1199 to train, 1200 to 1796 to test; logistic regression, C = 1, pixels / 16 as they are; decisions "
        "fused by fixed rules",
        "seed": 0,
    }
    for name, reference in REFERENCE.items():
        accuracy = FusionClassifier(fusion=graph(name)).fit(X[train], y[train]).score(X[~train], y[~train])
        out[name] = {"accuracy": accuracy, "reference": reference, "within .01": bool(abs(accuracy - reference) <= 0.01)}
    return out
