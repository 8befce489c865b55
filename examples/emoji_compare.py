"""Does the picture of an emoji add to its name? The main job in ten lines, with a report."""

from __future__ import annotations

import argparse
from pathlib import Path

import mcgurk as mg
from mcgurk.datasets import load_emoji


def main(argv: list[str] | None = None) -> mg.Comparison:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--candidates", nargs="*", default=["single:*", "early:*", "late:*"], help="patterns; all of them: '*'")
    parser.add_argument("--folds", type=int, help="how many; by default the budget's, several times in different orders")
    parser.add_argument("--output", type=Path, default=Path("emoji-compare"))
    options = parser.parse_args(argv)
    X, y = load_emoji(columns=["image", "name"], n=options.rows)
    result = mg.compare(X, y, budget="quick", candidates=options.candidates, folds=options.folds, output=options.output)
    print(result)
    print(result.to_frame()[["label", "score", "low", "high"]].to_string(index=False))
    print(f"Report: {options.output / 'report.html'}")
    return result


if __name__ == "__main__":
    main()
