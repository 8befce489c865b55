"""Half a picture is lost: the same layer trained as if that never happened, trained with it, and decisions of the halves."""

from __future__ import annotations

import argparse

import numpy as np

import mcgurk as mg
from mcgurk.data.missing import remove
from mcgurk.datasets import load_digits_halves

SHARES = (0.0, 0.25, 0.5, 1.0)


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1200, help="rows to train on")
    options = parser.parse_args(argv)
    X, y = load_digits_halves()
    train, test = np.arange(min(options.rows, 1200)), np.arange(1200, len(y))

    models = {
        "low-rank products": mg.FusionClassifier("lowrank", epochs=30),
        "the same, modality_dropout=0.3": mg.FusionClassifier("lowrank", epochs=30, modality_dropout=0.3),
        "a decision a half, stacked": mg.FusionClassifier("late"),
        "a decision a half, averaged": mg.FusionClassifier(("late", {"rule": "mean"})),
    }
    print(f"{'right halves lost':>32}", *(f"{share:6.0%}" for share in SHARES))
    for name, model in models.items():
        model.fit(X[train], y[train])
        # the last share leaves nothing of the right halves; the left ones stay, so every row has something
        scores = [model.score(remove(X[test], share, columns="right"), y[test]) for share in SHARES]
        print(f"{name:>32}", *(f"{score:6.3f}" for score in scores))
    return float(scores[-1])


if __name__ == "__main__":
    main()
