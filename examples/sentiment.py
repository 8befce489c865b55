"""Is the speaker for or against? Opinions spoken to a camera, utterance by utterance, each heard within its video.

CMU-MOSI does not travel with mcgurk (`mcgurk datasets show cmu_mosi`); give the folder that holds cmu_mosi/ with --data-root or
MCGURK_DATA.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import mcgurk as mg
from mcgurk.datasets import load_cmu_mosi


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--videos", type=int, help="only the first so many to learn from")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args(argv)
    X, y, _ = load_cmu_mosi(options.data_root, rows="video")  # a row is a video, y has a label for every utterance
    split = X.rows["split"].to_numpy()
    train, test = np.flatnonzero(split == "train")[: options.videos], np.flatnonzero(split == "test")
    truth = y.take(test).values

    contestants = {
        "words alone": mg.FusionClassifier("early"),
        "words and sound, decisions stacked": mg.FusionClassifier("late"),
        "words and sound, each utterance alone": network(options.epochs, context=0),
        "words and sound, those beside it in view": network(options.epochs, context=1),
    }
    for name, model in contestants.items():
        columns = ["words"] if name == "words alone" else ["words", "sound"]
        model.fit(X[train].select(columns), y.take(train))
        score = float(np.mean(model.predict(X[test].select(columns)) == truth))
        print(f"{name:40} {score:.3f} of {len(truth)} utterances in {len(test)} videos it never saw")
    return score


def network(epochs: int, context: int) -> mg.FusionClassifier:
    """Words shifted by sound, with so many utterances before and after in view."""
    return mg.FusionClassifier(("mag", {"main": "words"}), context=context, epochs=epochs, batch_size=3)


if __name__ == "__main__":
    main()
