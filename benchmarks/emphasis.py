"""Emphasis in two-second segments of synchronised sound and video: concatenation, Adam with a low rate. The emphasis is synthetic."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import mcgurk
from benchmarks._resampled import Recipe, Splits, per_fold, predictions, resampled
from mcgurk import FusionClassifier
from mcgurk.data import Dataset, Grid, IntervalTrack, Ragged, RegularTrack, Timeline
from mcgurk.data.audio import read_audio
from mcgurk.data.split import folds
from mcgurk.datasets import load_grid
from mcgurk.datasets.emphasis import plant_emphasis
from mcgurk.encoders import MouthCrops, Prosody
from mcgurk.metrics import METRICS

RATE, CLIP_S, CLIPS = 16000, 3, 4
GAIN, PITCH = 6.0, 1.12
EPOCHS = 100
SPREAD = ("mean", "sd", "median", "q90", "max")
RULES = {"level": SPREAD, "pitch": SPREAD, "mouth": ("mean", "sd", "max"), "word": "vote"}
BOTH, SOUND, VIDEO, LATE = "sound and video, concatenated", "sound alone", "video alone", "sound and video, late"


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Whether a segment holds the planted emphasis."""
    X, y = segments(recordings(data_root))
    repeats = 2 if full else 1
    splits = folds(X, y, n_splits=5, repeats=repeats, seed=0)
    with mcgurk.config.set(threads=1):
        return {
            "protocol": f"SYNTHETIC labels on real recordings: GRID speaker s1's clips with pictures, {CLIPS} after another on one clock; "
            "in every two-second segment one word that lies wholly inside is drawn, and a fair coin decides whether its sound is made "
            f"{GAIN:g} dB louder and its pitch {PITCH:g} times higher (by resampling, so it is as much shorter). The face is not touched: "
            "video knows nothing by construction. Segments without a whole word are left out. Streams on one grid: level and pitch (100 a "
            "second; mean, deviation, median, 90 % quantile, maximum of the segment), 32 cosines of the mouth (25 a second; mean, "
            f"deviation, maximum). Concatenation and a head of 64 units, Adam at 1e-4, {EPOCHS} epochs, no early stopping; late: stacked "
            f"logistic regressions. {repeats} times five folds; the clips of one recording stay together. 95 % intervals after Nadeau "
            "and Bengio",
            "seed": 0,
            "segments": len(y),
            "segments with emphasis": int((y == "emphasis").sum()),
            **judged(X, y, splits),
        }


def recordings(root: Path | None) -> list[Timeline]:
    """Four clips after another, with planted emphasis: level, pitch and mouth as regular tracks, one drawn word a segment."""
    X, _, facts = load_grid(root)
    pictures = MouthCrops("cosines", box=(0.0, 0.0, 1.0, 1.0), coefficients=32, fps=None, center=True).prepare(X["mouth"])
    assert isinstance(pictures, Ragged)
    sounds = [read_audio(file, rate=RATE).samples for file in X["sound"].items]
    out = []
    for first in range(0, len(X) - CLIPS + 1, CLIPS):
        clips = range(first, first + CLIPS)
        sound = np.concatenate([np.resize(np.pad(sounds[i], (0, CLIP_S * RATE)), CLIP_S * RATE) for i in clips])
        at = [(CLIP_S * k + start, CLIP_S * k + end) for k, i in enumerate(clips) for _, start, end in facts["words"][X.ids[i]]]
        starts, ends = np.array(at).T
        heard, drawn = plant_emphasis(sound, RATE, (starts, ends), gain=GAIN, pitch=PITCH, seed=first)
        frames = np.full((CLIPS, 25 * CLIP_S, pictures.item[0]), np.nan)
        for k, i in enumerate(clips):
            frames[k, : pictures.lengths[i]] = pictures.row(i)
        out.append(
            timeline(heard, drawn, RegularTrack(frames.reshape(-1, pictures.item[0]), Fraction(25), "intensive"), f"from {X.ids[first]}")
        )
    return out


def timeline(sound: np.ndarray, drawn: IntervalTrack, mouth: RegularTrack, name: str) -> Timeline:
    """One recording on one clock."""
    contour = Prosody(sequence=True).prepare(Ragged.of([sound], kind="audio"))
    assert isinstance(contour, Ragged) and contour.times is not None
    semitones, voiced, _, level = contour.values.T
    t0 = Fraction(round(1000 * contour.times[0]) - 5, 1000)  # a step stands for the hundredth of a second around its time
    pitch = RegularTrack(np.where(voiced > 0, semitones, np.nan), Fraction(100), "intensive", t0)
    return Timeline(
        {"level": RegularTrack(level, Fraction(100), "intensive", t0), "pitch": pitch, "mouth": mouth, "word": drawn}, group=name
    )


def segments(timelines: list[Timeline]) -> tuple[Dataset, np.ndarray]:
    """Two-second windows as rows; the label is that of the word drawn inside."""
    X = Grid("2s", origin=0, span="union").apply(timelines, RULES, min_coverage=0.01)
    word = X["word"]
    kept = np.flatnonzero(word.present)
    labels = np.array(word.fields[0].levels)[word.values[kept, 0].astype(int)]
    return X.select([name for name in X.names if name != "word"])[kept], labels


def judged(X: Dataset, y: np.ndarray, splits: Splits, epochs: int = EPOCHS) -> dict[str, Any]:
    """Accuracy, F1 of emphasis and agreement of each contestant; what video adds to sound."""
    truth = y == "emphasis"
    said = {name: [part == "emphasis" for part in parts] for name, parts in predictions(recipes(X, epochs), X, y, splits).items()}
    right = {name: per_fold(METRICS["accuracy"], truth, splits, parts) for name, parts in said.items()}
    return {
        name: {
            "accuracy": resampled(right[name], splits),
            "F1 of emphasis": resampled(per_fold(f1, truth, splits, parts), splits),
            "kappa": resampled(per_fold(METRICS["kappa"], truth, splits, parts), splits),
        }
        for name, parts in said.items()
    } | {f"{name}, minus sound alone, accuracy": resampled(right[name] - right[SOUND], splits) for name in (BOTH, LATE)}


def recipes(X: Dataset, epochs: int = EPOCHS) -> dict[str, Recipe]:
    """Concatenation with Adam at a low rate, on both and on each; stacking of both."""
    video = tuple(name for name in X.names if name.startswith("mouth"))
    sound = tuple(name for name in X.names if name not in video)

    def low_rate() -> FusionClassifier:
        return FusionClassifier(fusion="concat", optim=("adam", 1e-4), batch_size=16, epochs=epochs, patience=None)

    late = (lambda: FusionClassifier(fusion="late")), X.names
    return {BOTH: (low_rate, X.names), SOUND: (low_rate, sound), VIDEO: (low_rate, video), LATE: late}


def f1(truth: Any, predicted: Any) -> float:
    """F1 of the emphasised segments."""
    hits = float((truth & predicted).sum())
    return 2 * hits / max(float(truth.sum() + predicted.sum()), 1.0)
