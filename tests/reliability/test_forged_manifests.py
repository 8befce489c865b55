"""Whatever a manifest with a right checksum says, loading it ends in a model or in one of mcgurk's own errors."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bit_rot
import pytest

from mcgurk.base import Estimator
from mcgurk.errors import McgurkError
from mcgurk.store import load
from mcgurk.tensorfile import read_tensors, write_tensors

CHANGES = int(os.environ.get("MCGURK_FLIPS", "60"))
OBJECT = {"$object": "encoders:tfidf", "params": {}, "state": {}, "tensors": [], "path": "x"}
JUNK: list[Any] = [
    None, True, 0, -1, 2**31, 2**63, 1e308, "", "x", "__class__", "auto", [], {}, [[[]]], OBJECT,
    {"$tuple": []}, {"$dict": []}, {"$dict": [["a"]]}, {"$float": "nan"}, {"$float": "x"}, {"$tensor": "nowhere"},
    {"$record": "Field", "fields": {"name": "x"}}, {"$objects": [1], "shape": [-1, 7], "text": True},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in nested dicts and lists."""
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def forge(manifest: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One value is replaced, taken out, or put in front of another."""
    changed = copy.deepcopy(manifest)
    *before, last = chance.choice(list(places(changed)))
    holder: Any = changed
    for key in before:
        holder = holder[key]
    how = chance.random()
    if how < 0.15 and isinstance(holder, dict):
        del holder[last]
    elif how < 0.25 and isinstance(holder, list):
        holder.insert(last, chance.choice(JUNK))
    else:
        holder[last] = chance.choice(JUNK)
    return changed


@pytest.mark.parametrize("fusion", ["early", "concat", "late"])
def test_only_named_errors(fusion: str, tmp_path: Path) -> None:
    path, _ = bit_rot.model(fusion, tmp_path)
    tensors, manifest = read_tensors(path)
    manifest.pop("kind")
    chance = random.Random(fusion)
    outcomes = {"model": 0, "refused": 0}
    for _ in range(CHANGES):
        write_tensors(path, tensors, {"kind": "mcgurk-model"} | forge(manifest, chance))
        try:
            assert isinstance(load(path), Estimator)
            outcomes["model"] += 1
        except McgurkError as error:
            assert error.code in ("S05", "S06", "S07", "S08"), error
            outcomes["refused"] += 1
    assert outcomes["refused"] > CHANGES / 4
