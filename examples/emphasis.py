"""Where is a word emphasised? Streams on one clock, two-second segments, concatenation, Adam with a low rate. The emphasis is planted.

The voice is real (packaged recordings of read English), the emphasis is made, and the lips are MADE UP from the loudness of the voice,
since no video travels with mcgurk. With GRID's lips, at full size: python -m benchmarks emphasis.
"""

from __future__ import annotations

import argparse

import numpy as np

import mcgurk as mg
from mcgurk.data import Grid, IntervalTrack, Ragged, RegularTrack, Timeline, holdout
from mcgurk.data.audio import read_audio
from mcgurk.datasets import load_speech
from mcgurk.datasets.emphasis import plant_emphasis
from mcgurk.encoders import Prosody

RATE = 16000
SPREAD = ("mean", "sd", "median", "q90", "max")


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, default=10, help="times each recording is used, each time with other coins")
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args(argv)
    speech = load_speech()
    sounds = [read_audio(file, rate=RATE).samples for file in speech["audio"].items]

    timelines = [
        recording(sound, seed=100 * copy + i, group=speech.ids[i])
        for i, sound in enumerate(sounds)
        for copy in range(options.copies)
        if len(sound) >= 2 * RATE
    ]
    rules = {"level": SPREAD, "pitch": SPREAD, "lips": ("mean", "sd", "max"), "word": "vote"}
    X = Grid("2s", origin=0, span="union").apply(timelines, rules, min_coverage=0.01)
    word = X["word"]
    kept = np.flatnonzero(word.present)  # segments in which a word was drawn
    y = np.array(word.fields[0].levels)[word.values[kept, 0].astype(int)]
    X = X.select([name for name in X.names if name != "word"])[kept]

    train, test = holdout(X, y)  # all copies of a recording stay on one side
    model = mg.FusionClassifier(fusion="concat", optim=("adam", 1e-4), batch_size=16, epochs=options.epochs, patience=None)
    score = model.fit(X[train], y[train]).score(X[test], y[test])
    print(f"{len(y)} segments of two seconds, {np.mean(y == 'emphasis'):.0%} with planted emphasis")
    print(f"Right on {len(test)} segments of recordings it never heard: {score:.0%} (chance: about 50 %)")
    return score


def recording(sound: np.ndarray, seed: int, group: str) -> Timeline:
    """Level, pitch, made-up lips and the drawn words of one recording, on one clock."""
    loud, drawn = plant_emphasis(sound, RATE, stretches(sound), seed=seed)
    steps = Prosody(sequence=True).prepare(Ragged.of([loud], kind="audio"))
    semitones, voiced, _, level = steps.values.T
    lips = decibels(sound, RATE // 25)[:, None]  # of the untouched voice: the lips know nothing of the emphasis
    lips = lips + np.random.default_rng(seed).normal(scale=3.0, size=lips.shape)
    tracks = {
        "level": RegularTrack(level, 100, "intensive"),
        "pitch": RegularTrack(np.where(voiced > 0, semitones, np.nan), 100, "intensive"),
        "lips": RegularTrack(lips, 25, "intensive"),
        "word": IntervalTrack(drawn.start, drawn.end, drawn.label),
    }
    return Timeline(tracks, group=group)


def stretches(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of stretches of 0.3 s that stand for words: the louder half."""
    level = decibels(sound, 3 * RATE // 10)
    start = 0.3 * np.flatnonzero(level >= np.median(level))
    return start, start + 0.3


def decibels(sound: np.ndarray, step: int) -> np.ndarray:
    """Level of every whole stretch of so many samples."""
    count = len(sound) // step
    return 10 * np.log10((sound[: count * step].reshape(count, step) ** 2).mean(axis=1) + 1e-8)


if __name__ == "__main__":
    main()
