"""Bit rot: one flipped bit in what mcgurk stored is noticed, or changes nothing. MCGURK_FLIPS=600 for the long run."""

from __future__ import annotations

import json
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mcgurk.data import Dataset, Dense, FeatureCache, Field, Lazy, Ragged, read_parquet, shards, write_parquet
from mcgurk.data.fingerprint import column_fingerprint, fingerprint
from mcgurk.errors import McgurkError, McgurkWarning

FLIPS = int(os.environ.get("MCGURK_FLIPS", "60"))


def flips(path: Path, look: Callable[[], str | None], name: str) -> tuple[int, int]:
    """Flip one bit at a time; ``look`` gives the content's hash, or None where damage was noticed. (noticed, unchanged)."""
    whole = path.read_bytes()
    clean = look()
    assert clean is not None
    noticed = unchanged = 0
    chance = random.Random(name)
    for _ in range(FLIPS):
        place = chance.randrange(8 * len(whole))
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(data))
        found = look()
        assert found in (None, clean), f"{name}: bit {place} was read wrong and nothing was said"
        noticed, unchanged = noticed + (found is None), unchanged + (found == clean)
    path.write_bytes(whole)
    assert look() == clean
    return noticed, unchanged


def table(n: int = 200) -> Dataset:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 5, n)
    return Dataset(
        {
            "text": Lazy([None if i % 7 == 0 else f"some text {rng.integers(1000)}" for i in range(n)]),
            "table": Dense(rng.normal(size=(n, 2)), None, "tabular", (Field("size"), Field("mass"))),
            "vector": Dense(rng.normal(size=(n, 8)).astype(np.float32), rng.random(n) > 0.2),
            "series": Ragged(rng.normal(size=(lengths.sum(), 3)), np.concatenate([[0], np.cumsum(lengths)])),
        },
        rows=pd.DataFrame({"group": rng.integers(0, 9, n).astype(str)}),
    )


def test_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(table(), path)

    def look() -> str | None:
        try:
            return fingerprint(read_parquet(path))
        except McgurkError:
            return None

    noticed, unchanged = flips(path, look, "parquet")
    assert noticed + unchanged == FLIPS and noticed > FLIPS / 2


def encode(column: Lazy) -> Dense:
    return Dense(np.array([np.random.default_rng(len(t)).normal(size=16) for t in column.items]))


@pytest.mark.parametrize("part", ["values.npy", "json"])
def test_feature_cache(tmp_path, part):
    """A damaged shard is computed again with a warning: the result is always right, and never silently repaired."""
    column = Lazy(["x" * i for i in range(1, 41)])
    cache = FeatureCache(tmp_path)
    clean = column_fingerprint("x", cache.prepare(column, "e", encode, chunk=20))
    chance = random.Random(part)
    noticed = 0
    for _ in range(FLIPS):
        victim = chance.choice(sorted(tmp_path.glob(f"*/*.{part}")))
        data = bytearray(victim.read_bytes())
        place = chance.randrange(8 * len(data))
        data[place // 8] ^= 1 << place % 8
        victim.write_bytes(bytes(data))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            again = column_fingerprint("x", cache.prepare(column, "e", encode, chunk=20))
        assert again == clean, f"bit {place} of {victim.name}"
        noticed += any(isinstance(w.message, McgurkWarning) and w.message.code == "K01" for w in said)
    assert noticed == FLIPS


def test_manifest(tmp_path):
    shard = shards.write(tmp_path, ["a", "b"], Dense(np.arange(4.0).reshape(2, 2)))
    path = tmp_path / f"{shard.name}.json"

    def look() -> str | None:
        try:
            return repr(shards.read(path))
        except McgurkError:
            return None

    noticed, unchanged = flips(path, look, "manifest")
    assert noticed + unchanged == FLIPS and json.loads(path.read_text())["shard"]["keys"] == ["a", "b"]
