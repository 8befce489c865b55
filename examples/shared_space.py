"""Pictures and names of emoji in one space: given a picture it never saw, which name is its own?"""

from __future__ import annotations

import argparse

import numpy as np

import mcgurk as mg
from mcgurk.coordination import RegularisedCCA
from mcgurk.data import holdout
from mcgurk.datasets import load_emoji


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=600)
    options = parser.parse_args(argv)
    X, _ = load_emoji(columns=["image", "name"], n=options.rows)
    train, test = holdout(X)  # families of emoji stay together
    model = RegularisedCCA(k=min(30, len(train) // 4), reg=0.1, ridge="shrinkage", power=1.0)
    model.fit(X[train])

    pictures = model.encode("image", X[test]["image"].items)
    names = model.encode("name", X[test]["name"].items)
    likeness = model.similarity(pictures, names)
    own = likeness[np.arange(len(test)), np.arange(len(test))]
    rank = (likeness > own[:, None]).sum(axis=1) + 1
    found = float(np.mean(rank <= 10))
    print(f"{len(test)} pictures the model never saw: the right name is among the best ten of {len(test)} for {found:.0%}")
    print(f"By chance it would be for {10 / len(test):.0%}.")

    query = mg.Lazy(["a happy animal"], kind="text")
    best = model.similarity(model.encode("name", query), pictures)[0].argsort()[::-1][:5]
    print("Closest pictures to 'a happy animal':", ", ".join(X[test]["name"].items[best]))
    return found


if __name__ == "__main__":
    main()
