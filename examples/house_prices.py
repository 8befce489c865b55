"""House prices from four photos and four facts: what each says alone, what all say together, and what the photos add.

The houses do not travel with mcgurk (`mcgurk datasets show houses`); give the folder that holds houses/ with --data-root or MCGURK_DATA.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mcgurk as mg
from mcgurk.datasets import load_houses

CONTESTANTS = ["single:*", "early:linear*", "late:stacking*"]


def main(argv: list[str] | None = None) -> mg.Comparison:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--rows", type=int, help="only the first houses")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--candidates", nargs="*", default=CONTESTANTS, help="patterns; all of them, which takes long: '*'")
    parser.add_argument("--output", type=Path, default=Path("houses-compare"))
    options = parser.parse_args(argv)
    X, y, about = load_houses(options.data_root, zips="large")  # X.rows["group"] ties houses that share a photo
    print(f"{len(X)} houses, {len(about['twins'])} pairs of which share a photo and stay on one side of every split.")
    result = mg.compare(
        X[: options.rows],
        y[: options.rows],
        metric="log_mae",  # errors in proportion to the price
        budget="quick",
        candidates=options.candidates,
        folds=options.folds,
        repeats=1,
        output=options.output,
    )
    print(result)
    print(result.to_frame()[["label", "score", "low", "high"]].to_string(index=False))
    print(f"Report: {options.output / 'report.html'}")
    return result


if __name__ == "__main__":
    main()
