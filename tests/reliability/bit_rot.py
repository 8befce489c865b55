"""One flipped bit at a time in what a model is kept in; used by the tests and by the benchmark."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mcgurk import FusionClassifier
from mcgurk.errors import McgurkError
from mcgurk.store import load
from mcgurk.tensorfile import read_tensors

Look = Callable[[Path], object]
ENCODERS = {"vector": "precomputed", "text": "tfidf"}


def data(n: int = 60) -> tuple[dict[str, object], np.ndarray]:
    """Captions and vectors, and a label both tell."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    captions = [" ".join(rng.choice(["red", "blue", "dress", "shirt"], 3)) + (" yes" if label else " no") for label in y]
    return {"a": rng.normal(size=(n, 3)) + y[:, None], "caption": captions}, y


def model(fusion: str, folder: Path) -> tuple[Path, Look]:
    """A fitted model's file, and what somebody who loads it sees: its predictions to the last bit."""
    X, y = data()
    path = folder / f"{fusion}.mcgurk"
    FusionClassifier(fusion, encoders=ENCODERS, epochs=2, hidden=(8,), patience=None).fit(X, y).save(path)
    return path, lambda file: load(file).predict_proba(X).tobytes()


def checkpoint(folder: Path) -> tuple[Path, Look]:
    """A checkpoint of a network's training, and everything that a resumed run would take from it."""
    X, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        FusionClassifier("concat", encoders=ENCODERS, epochs=2, hidden=(8,), patience=None, checkpoint=folder / "run").fit(X, y)
    path = sorted((folder / "run").glob("checkpoint-*"))[-1]

    def look(file: Path) -> object:
        tensors, manifest = read_tensors(file)
        return repr(sorted((name, array.dtype.str, array.shape, array.tobytes()) for name, array in tensors.items())) + repr(manifest)

    return path, look


def flips(path: Path, look: Look, count: int, seed: str) -> dict[str, int]:
    """How many of ``count`` flips were noticed, changed nothing that is read, were silently read wrong, or raised what is not ours."""
    whole, clean = path.read_bytes(), look(path)
    found = {"flips": count, "noticed": 0, "unchanged": 0, "silent": 0, "untyped": 0}
    chance = random.Random(seed)
    for _ in range(count):
        place = chance.randrange(8 * len(whole))
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        try:
            found["unchanged" if look(path) == clean else "silent"] += 1
        except McgurkError:
            found["noticed"] += 1
        except Exception:
            found["untyped"] += 1
    path.write_bytes(whole)
    return found
