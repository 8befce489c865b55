"""A table of one's own: pictures, texts and numbers, with holes. Read it, fit, save, and predict where a modality is missing."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

import mcgurk as mg
from mcgurk.data import holdout
from mcgurk.datasets import load_emoji
from mcgurk.datasets.export import export


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path("emoji"))
    options = parser.parse_args(argv)
    table = export(*load_emoji(n=options.rows), options.folder)  # stands for the table you have

    cells = pd.read_csv(table, dtype=str, keep_default_na=False)
    cells.loc[::5, "image"] = ""  # every fifth picture is lost: an empty cell is absent
    cells.to_csv(table, index=False)

    reading = mg.read_csv(table, target="y", group="group", explain=True)
    print(reading.to_frame().to_string(index=False))  # what each column was taken for, and why
    X, y = reading.X, reading.y

    train, test = holdout(X, y)  # rows of one group stay together
    model = mg.FusionClassifier(fusion="late", random_state=0).fit(X[train], y[train])
    score = model.score(X[test], y[test])
    print(f"Accuracy on {len(test)} rows of other groups: {score:.2f}")

    model.save(options.folder / "late.mcgurk")
    again = mg.load(options.folder / "late.mcgurk")
    words_only = X[test].with_column("image", mg.Lazy([None] * len(test), kind="image"))
    print(f"The same without any picture: {again.score(words_only, y[test]):.2f}")
    return score


if __name__ == "__main__":
    main()
