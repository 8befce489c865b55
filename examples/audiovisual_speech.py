"""Which digit was said? Heard in noise, seen on the lips, and both: GRID's speaker s1 (set MCGURK_DATA, or give --data-root)."""

from __future__ import annotations

import argparse
import sys

import mcgurk as mg
from mcgurk.data import Dataset, cut, holdout
from mcgurk.datasets import load_grid
from mcgurk.encoders import Mfcc, MouthCrops
from mcgurk.errors import DataError

VECTORS = {"mouth": ("resampled", {"steps": 5}), "sound": ("resampled", {"steps": 6})}


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", help="folder that holds grid_s1/ (default: MCGURK_DATA)")
    parser.add_argument("--target", default="digit", help="digit, letter or another word of the sentence")
    parser.add_argument("--snr", type=float, default=-5.0, help="decibels of the words over white noise")
    options = parser.parse_args(argv)
    X, y, _ = load_grid(options.data_root, target=options.target, snr=options.snr)

    # Encode whole clips: their mean is taken off, so that neither the crop's place nor a steady noise counts. Then cut out the word.
    mouth = MouthCrops("cosines", box=(0, 0, 1, 1), coefficients=32, fps=None, center=True).prepare(X["mouth"])
    sound = Mfcc(deltas=1, hop=0.02, center=True).prepare(X["sound"])
    start, end = X.rows["start"], X.rows["end"]
    words = Dataset({"mouth": cut(mouth, start, end), "sound": cut(sound, start, end)}, ids=X.ids)

    train, test = holdout(words, y)
    contestants = {
        "lips alone": ("single", {"column": "mouth"}),
        "sound alone": ("single", {"column": "sound"}),
        "early fusion": "early",
        "late fusion": "late",
    }
    for name, fusion in contestants.items():
        model = mg.FusionClassifier(fusion=fusion, encoders=VECTORS, random_state=0).fit(words[train], y[train])
        score = model.score(words[test], y[test])
        print(f"{name:12} {score:.0%} of {len(test)} words right, sound at {options.snr:g} dB")
    return score


if __name__ == "__main__":
    try:
        main()
    except DataError as missing:
        sys.exit(f"This example needs the mouth crops and sounds of GRID's speaker s1: {missing}")
