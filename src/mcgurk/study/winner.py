"""What to expect of the winner of a contest: its own figure is the best of many, and flatters it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcgurk import seeding
from mcgurk.registry import Candidate
from mcgurk.study.board import Board
from mcgurk.study.interval import LEVEL, Estimate, weights

DRAWS, SLOW_DRAWS = 500, 60
CELLS = 20_000_000
"""Largest table of draws and units that is held at once."""


def expected(board: Board, candidates: Sequence[Candidate]) -> Estimate:
    """The figure of "take whichever of these comes first", without the luck of having come first.

    Units (groups, or rows) are drawn with replacement; the winner on the units drawn is scored on the units left out. The mean over draws
    is the estimate, its 2.5 and 97.5 % quantiles the interval. Nothing is fitted again: predictions of the outer folds are resampled, all
    folds of a repeat pooled, repeats averaged. It leans a little to the bad side, because a winner is chosen on fewer units.

    When not to use it: for one contestant, whose own figure is no winner's; then it is that figure, up to resampling.

    Source: Tsamardinos, Greasidou, Borboudakis 2018, Bootstrapping the out-of-sample predictions for efficient and accurate
        cross-validation, Machine Learning 107:1895-1922 (BBC-CV).
    """
    units = int(board.protocol.unit.max()) + 1
    count = min(DRAWS if board.figure.adds else SLOW_DRAWS, max(CELLS // units, SLOW_DRAWS))
    chosen = weights(units, seeding.derive(board.plan.settings.seed, "winner"), count)
    inside = np.stack([_pooled(board, c.name, chosen) for c in candidates])
    outside = np.stack([_pooled(board, c.name, (chosen == 0).astype(np.float64)) for c in candidates])
    known = np.isfinite(inside).all(axis=0) & np.isfinite(outside).all(axis=0)
    if not known.any():
        return Estimate(np.nan, np.nan, np.nan, np.nan, np.nan)
    inside, outside = inside[:, known], outside[:, known]
    first = (inside if board.figure.greater else -inside).argmax(axis=0)
    told = outside[first, np.arange(len(first))]
    low, high = np.quantile(told, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Estimate(float(told.mean()), float(low), float(high), float(told.std(ddof=1)) if len(told) > 1 else np.nan, np.nan)


def _pooled(board: Board, name: str, chosen: np.ndarray) -> np.ndarray:
    """(draws,) the figure on units drawn ``chosen`` (draws, units) times, folds of a repeat together, mean over repeats."""
    protocol = board.protocol
    out = []
    for repeat in range(protocol.repeats):
        folds = [fold for fold in range(len(protocol.splits)) if protocol.repeat_of(fold) == repeat]
        table = np.concatenate([board.tables(name)[fold] for fold in folds])
        out.append(board.figure.resampled(table, np.concatenate([board.test_clusters[fold] for fold in folds]), chosen))
    return np.mean(out, axis=0)
