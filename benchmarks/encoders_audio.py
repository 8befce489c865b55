"""Encoders of sounds and mouths on real data: ESC-10 by its folds, words of GRID from sound and from the mouth, speech found in GRID."""

from __future__ import annotations

import csv
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mcgurk.data.audio import read_audio
from mcgurk.data.column import Ragged
from mcgurk.encoders import assets
from mcgurk.encoders.audio_stats import AudioStats
from mcgurk.encoders.log_mel import LogMel
from mcgurk.encoders.mfcc import Mfcc
from mcgurk.encoders.mouth import MouthCrops
from mcgurk.encoders.prosody import Prosody
from mcgurk.encoders.vad import speech_segments
from mcgurk.encoders.whisper import WhisperEncoder
from mcgurk.errors import DataError

SEED = 0
RATE = 16000
STEPS = 8


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """All three parts; without --full one repetition of GRID's folds instead of five."""
    if data_root is None:
        raise DataError("this benchmark needs real data; give --data-root or set MCGURK_DATA", code="F02")
    return {
        "protocol": "ESC-10: its five folds, columns standardised on the training folds, 3-NN and logistic regression (C = 1), untuned; "
        "GRID s1: clips 0-499, stratified 5-fold, the annotated span of a word resampled to 8 steps, logistic regression (C = 1)",
        "seed": SEED,
        "esc10": esc10(data_root / "esc10"),
        "grid": grid(data_root / "grid_s1", 5 if full else 1),
        "speech": speech(data_root / "grid_s1", 1000 if full else 200),
        "cpu_ms_for_10_s": speed(),
    }


def encoders() -> dict[str, Any]:
    """Name -> encoder that gives one vector a sound; whisper where its weights are installed."""
    table: dict[str, Any] = {
        "audio_stats": AudioStats(),
        "audio_stats, level kept": AudioStats(normalise=False),
        "log_mel mean+sd": LogMel(pool="mean+sd"),
        "mfcc mean+sd": Mfcc(pool="mean+sd"),
        "prosody": Prosody(),
    }
    return table | ({"whisper": WhisperEncoder()} if assets.installed("whisper") else {})


def esc10(folder: Path) -> dict[str, Any]:
    """Accuracy by the set's own folds (mean and sd of the five)."""
    with open(folder / "esc10.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with zipfile.ZipFile(folder / "audio_22k_ogg.zip") as archive:
        sounds = [read_audio(archive.read(row["file"]), rate=RATE).samples for row in rows]
    column = Ragged.of(sounds, kind="audio")
    label, fold = np.array([row["class"] for row in rows]), np.array([int(row["fold"]) for row in rows])
    features, out = {}, {}
    for name, encoder in encoders().items():
        start = time.process_time()
        features[name] = encoder.prepare(column).values.astype(np.float64)
        seconds = time.process_time() - start
        out[name] = {"times_real_time": sum(map(len, sounds)) / RATE / seconds} | folds(features[name], label, fold)
    if "whisper" in features:
        names = ("whisper", "audio_stats", "log_mel mean+sd")
        out[" | ".join(names)] = folds(np.concatenate([features[n] for n in names], axis=1), label, fold)
    return out


def folds(x: np.ndarray, label: np.ndarray, fold: np.ndarray) -> dict[str, str]:
    models = {"3-NN": KNeighborsClassifier(3), "logistic": LogisticRegression(max_iter=3000, random_state=SEED)}
    out = {}
    for name, model in models.items():
        scores = []
        for k in np.unique(fold):
            pipe = make_pipeline(StandardScaler(), model).fit(x[fold != k], label[fold != k])
            scores.append(100 * pipe.score(x[fold == k], label[fold == k]))
        out[name] = f"{np.mean(scores):.1f} ({np.std(scores, ddof=1):.1f})"
    return out


def grid(folder: Path, repeats: int) -> dict[str, Any]:
    """Digits and letters from the mouth, from clean and from noisy sound, and from both side by side."""
    mouths, names = [], []
    for part in ("mouth_0000_0249.npz", "mouth_0250_0499.npz"):
        with np.load(folder / part) as file:
            mouths += [m[:n] for m, n in zip(file["mouth"], file["n_frames"], strict=True)]
            names += [str(n) for n in file["names"]]
    with zipfile.ZipFile(folder / "audio_16k_ogg.zip") as archive:
        inside = {Path(n).stem: n for n in archive.namelist()}
        sounds = [read_audio(archive.read(inside[name]), rate=RATE).samples for name in names]
    rng = np.random.default_rng(SEED)
    noisy = [s + np.sqrt(10 * (s**2).mean()) * rng.normal(size=len(s)).astype(np.float32) for s in sounds]
    streams = {
        "mouth": MouthCrops("cosines", box=(0, 0, 1, 1), fps=None).prepare(Ragged.of(mouths, kind="video")),
        "sound": Mfcc(deltas=1).prepare(Ragged.of(sounds, kind="audio")),
        "sound at -10 dB": Mfcc(deltas=1).prepare(Ragged.of(noisy, kind="audio")),
    }
    return {task: words(streams, place, annotations(folder), names, repeats) for task, place in (("digits", 4), ("letters", 3))}


def words(streams: dict[str, Ragged], place: int, spans: dict[str, list], names: list[str], repeats: int) -> dict[str, str]:
    label = np.array([spans[name][place][2] for name in names])
    x = {key: np.array([resampled(column, i, *spans[n][place][:2]) for i, n in enumerate(names)]) for key, column in streams.items()}
    x["mouth and sound at -10 dB"] = np.concatenate([x["mouth"], x["sound at -10 dB"]], axis=1)
    cut = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=SEED)
    out = {}
    for key, values in x.items():
        scores = []
        for train, test in cut.split(values, label):
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, random_state=SEED))
            scores.append(100 * model.fit(values[train], label[train]).score(values[test], label[test]))
        out[key] = f"{np.mean(scores):.1f} ({np.std(scores, ddof=1):.1f})"
    return out


def resampled(column: Ragged, row: int, start: float, end: float) -> np.ndarray:
    """The steps of a span, linearly interpolated at the middles of equal parts, one after another."""
    times, steps = column.row_times(row), column.row(row)
    wanted = start + (np.arange(STEPS) + 0.5) * (end - start) / STEPS
    return np.stack([np.interp(wanted, times, steps[:, j]) for j in range(steps.shape[1])], axis=1).ravel()


def annotations(folder: Path) -> dict[str, list[tuple[float, float, str]]]:
    """Clip -> its six words with start and end."""
    out: dict[str, list[tuple[float, float, str]]] = {}
    with open(folder / "word_alignments.csv", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        for clip, start, end, word in lines:
            if word not in ("sil", "sp"):
                out.setdefault(clip, []).append((float(start), float(end), word))
    return out


def speech(folder: Path, count: int) -> dict[str, Any]:
    """Distance of the found from the annotated beginning and end of speech, seconds."""
    spans, out = annotations(folder), {}
    with zipfile.ZipFile(folder / "audio_16k_ogg.zip") as archive:
        sounds = {Path(n).stem: read_audio(archive.read(n), rate=RATE).samples for n in archive.namelist()[:count]}
    for method in ("energy", *(("silero",) if assets.installed("silero") else ())):
        errors, missed = [], 0
        for clip, samples in sounds.items():
            found = speech_segments(samples, RATE, method=method)
            missed += not len(found)
            if len(found):
                errors.append([found[0, 0] - spans[clip][0][0], found[-1, 1] - spans[clip][-1][1]])
        distance = np.abs(errors)
        out[method] = {
            "clips": len(sounds),
            "without speech": missed,
            "median error of the beginning": float(np.median(distance[:, 0])),
            "median error of the end": float(np.median(distance[:, 1])),
            "both within 0.15 s": float((distance.max(axis=1) < 0.15).sum() / len(sounds)),
        }
    return out


def speed() -> dict[str, float]:
    """CPU time of ten seconds of sound, least of five."""
    sound = np.random.default_rng(SEED).normal(size=10 * RATE).astype(np.float32) * 0.1
    out = {}
    for name, encoder in encoders().items():
        times = []
        for _ in range(5):
            start = time.process_time()
            encoder.encode(sound)
            times.append(1000 * (time.process_time() - start))
        out[name] = min(times)
    return out
