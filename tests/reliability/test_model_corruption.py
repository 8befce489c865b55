"""A6 for models and checkpoints: a flipped bit is noticed, or changes nothing. MCGURK_FLIPS=600 for the long run."""

from __future__ import annotations

import os
from pathlib import Path

import bit_rot
import numpy as np
import pytest

from mcgurk import FusionClassifier
from mcgurk.errors import IntegrityError, McgurkWarning
from mcgurk.store import load

FLIPS = int(os.environ.get("MCGURK_FLIPS", "60"))


@pytest.mark.parametrize("kind", ["early", "concat", "checkpoint"])
def test_no_flip_is_read_wrong(kind: str, tmp_path: Path) -> None:
    path, look = bit_rot.checkpoint(tmp_path) if kind == "checkpoint" else bit_rot.model(kind, tmp_path)
    found = bit_rot.flips(path, look, FLIPS, kind)
    assert found["silent"] == found["untyped"] == 0 and found["noticed"] + found["unchanged"] == FLIPS
    assert found["noticed"] >= FLIPS * 0.9


def test_no_truncation_is_read(tmp_path: Path) -> None:
    path, _ = bit_rot.model("concat", tmp_path)
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        path.write_bytes(whole[:length])
        with pytest.raises(IntegrityError):
            load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(IntegrityError):
        load(path)


def test_a_damaged_checkpoint_falls_back_to_the_older(tmp_path: Path) -> None:
    """Training goes on from the older state, says so, and ends in the same bits."""
    X, y = bit_rot.data()
    settings = {"encoders": bit_rot.ENCODERS, "epochs": 3, "hidden": (8,), "patience": None}
    straight = FusionClassifier("concat", **settings).fit(X, y).predict_proba(X)
    run = tmp_path / "run"
    FusionClassifier("concat", **settings, checkpoint=run).fit(X, y)
    newest = sorted(run.glob("checkpoint-*"))[-1]
    damaged = bytearray(newest.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    newest.write_bytes(bytes(damaged))
    with pytest.warns(McgurkWarning) as said:
        again = FusionClassifier("concat", **settings, checkpoint=run).fit(X, y).predict_proba(X)
    assert any(getattr(w.message, "code", "") == "K04" for w in said)
    np.testing.assert_array_equal(again, straight)
