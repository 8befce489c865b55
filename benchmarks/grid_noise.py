"""Words from sound in noise and from the mouth: every fusion against each modality alone, at four levels of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mcgurk
from benchmarks import _grid
from benchmarks._noise_curve import drawn
from benchmarks._resampled import Splits, resampled
from mcgurk import FusionClassifier
from mcgurk.data import Dataset
from mcgurk.data.split import folds
from mcgurk.files import atomic_write
from mcgurk.fusion import FusionGraph, Stacking
from mcgurk.fusion.early import early_nodes
from mcgurk.fusion.single import branch
from mcgurk.train.features import sharing

SINGLES = ("video alone", "sound alone")
FUSIONS = ("early", "late", "hybrid", "mult")
ENCODERS = {"mouth": ("resampled", {"steps": 5}), "series": ("resampled", {"steps": 6})}
MATCHED, CLEAN = "same noise in training", "trained on clean sound"
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "grid_noise.svg"
CLEAN_SOUND = "sound, clean"
FOLDS = 5
Scores = dict[str, dict[str, list[float]]]


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Letters and digits, white noise; short: one repeat and no picture."""
    repeats = 3 if full else 1
    out: dict[str, Any] = {
        "protocol": f"GRID speaker s1, the 500 clips with pictures; {repeats} times five folds over clips, the same for all. White noise "
        "over the whole clip, its level relative to the power of the sentence's words; drawn once a clip and level, never by fold. "
        f"{_grid.STREAMS}. Spans come from alignments of clean sound. Video alone, sound alone, early, late (stacked) and hybrid (stacked "
        "with early): logistic regressions on each stream read at 5 and 6 equal moments, penalties and stacks by inner folds; mult: a "
        f"multimodal transformer on the steps themselves, {_grid.EPOCHS} epochs, no early stopping, first repeat only. Percent of words "
        "right, 95 % intervals after Nadeau and Bengio. No single modality is picked: a fusion is said to beat the best one where its "
        f"paired differences to both lie above 0. {MATCHED!r}: training and test rows have that level; {CLEAN!r}: the same models of clean "
        f"words read noisy ones. {_grid.SETTLED}. One speaker, one session: optimistic. Quick baselines measured elsewhere on these files: "
        "video alone 59.2 (letters) and 91.2 (digits)",
        "seed": "noise, folds and units 0; network: the number of the fold",
        "levels": [_grid.named(snr) for snr in _grid.LEVELS],
    }
    out |= _grid.by_target(studied, data_root, repeats, apart=full)
    if full:
        atomic_write(PICTURE, drawn(out, (MATCHED, CLEAN), (*SINGLES, *FUSIONS)))
    return out


def studied(target: str, data_root: Path | None, repeats: int) -> dict[str, Any]:
    """Both regimes of one target."""
    with mcgurk.config.set(threads=1), sharing():
        X, y = _grid.words(data_root, target, _grid.LEVELS)
        splits = folds(X, y, n_splits=FOLDS, repeats=repeats, seed=0)
        return {regime: told(scores, splits) for regime, scores in measured(X, y, splits).items()}


def measured(X: Dataset, y: np.ndarray, splits: Splits, epochs: int = _grid.EPOCHS) -> dict[str, Scores]:
    """Regime -> method -> level -> (folds,) percent right; (folds of the first repeat,) for the network."""
    levels = [_grid.named(snr) for snr in _grid.LEVELS]
    out: dict[str, Scores] = {regime: {m: {v: [] for v in levels} for m in (*SINGLES, *FUSIONS)} for regime in (MATCHED, CLEAN)}
    for fold, (train, test) in enumerate(splits):
        units = FusionClassifier(graph(levels), encoders=ENCODERS).fit(X[train], y[train])
        asked = {(MATCHED, level): (units, level, X[test]) for level in levels}
        asked |= {(CLEAN, level): (units, "clean", X[test].with_column(CLEAN_SOUND, X[test][f"sound, {level}"])) for level in levels}
        for (regime, level), (model, trained, given) in asked.items():
            for method, said in decided(model, trained, given).items():
                out[regime][method][level].append(100 * np.mean(said == y[test]))
        if fold < FOLDS:
            for level in levels:
                columns = ["mouth", f"sound, {level}"]
                model = _grid.network(fold, epochs=epochs).fit(X[train].select(columns), y[train])
                out[MATCHED]["mult"][level].append(100 * model.score(X[test].select(columns), y[test]))
                for noisy in levels if level == "clean" else ():
                    given = X[test].select(columns).with_column(CLEAN_SOUND, X[test][f"sound, {noisy}"])
                    out[CLEAN]["mult"][noisy].append(100 * model.score(given, y[test]))
    return out


def graph(levels: Sequence[str]) -> FusionGraph:
    """Both single modalities, early, late and hybrid fusion at every level as decisions of one graph: what they share is fitted once."""
    nodes: dict[str, Any] = branch("mouth", "mouth", "linear", decision="video alone")
    for level in levels:
        sound, single, early = f"sound, {level}", f"sound alone, {level}", f"early, {level}"
        nodes |= branch(sound, sound, "linear", decision=single) | early_nodes(("mouth", sound), "linear", decision=early)
        nodes[f"late, {level}"] = (Stacking(), ("video alone", single))
        nodes[f"hybrid, {level}"] = (Stacking(), ("video alone", single, early))
    return FusionGraph(nodes, output=f"hybrid, {levels[0]}")


def decided(units: FusionClassifier, trained: str, X: Dataset) -> dict[str, np.ndarray]:
    """What each unit and stack that learned at a level says was said."""
    scores = units.model_.decisions(X)  # type: ignore[union-attr]
    at = {"video alone": "video alone"} | {name: f"{name}, {trained}" for name in ("sound alone", "early", "late", "hybrid")}
    return {name: units.classes_[scores[node].argmax(axis=1)] for name, node in at.items()}


def told(scores: Scores, splits: Splits) -> dict[str, Any]:
    """Percent right and differences with intervals, a list over levels each, and where a fusion beats both modalities."""
    levels = list(scores["early"])
    out: dict[str, Any] = {method: _lists([resampled(np.array(scores[method][level]), splits) for level in levels]) for method in scores}
    for fusion in FUSIONS:
        gained = {s: _lists([resampled(apart(scores[fusion][v], scores[s][v]), splits) for v in levels]) for s in SINGLES}
        out[f"{fusion} minus"] = gained
        beats = [level for i, level in enumerate(levels) if all(part["low"][i] > 0 for part in gained.values())]
        loses = [level for i, level in enumerate(levels) if any(part["high"][i] < 0 for part in gained.values())]
        out[f"{fusion} beats the best single modality at"] = beats or "no level"
        out[f"{fusion} loses to a single modality at"] = loses or "no level"
    return out


def apart(fused: Sequence[float], alone: Sequence[float]) -> np.ndarray:
    """Paired differences over the folds that both have."""
    return np.array(fused) - np.array(alone[: len(fused)])


def _lists(intervals: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {key: [interval[key] for interval in intervals] for key in ("estimate", "low", "high")}
