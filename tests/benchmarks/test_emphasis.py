"""Planted emphasis end to end on made-up recordings: streams, segments, labels, contestants."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from benchmarks import emphasis

from mcgurk.data import RegularTrack
from mcgurk.data.split import folds
from mcgurk.datasets.emphasis import plant_emphasis


@pytest.fixture(scope="module")
def segmented():
    rng = np.random.default_rng(0)
    made = []
    for k in range(8):
        sound = (0.1 * np.sin(2 * np.pi * (120 + k) * np.arange(8 * emphasis.RATE) / emphasis.RATE)).astype(np.float32)
        starts = np.arange(8) + 0.3
        heard, drawn = plant_emphasis(sound, emphasis.RATE, (starts, starts + 0.4), seed=k)
        mouth = RegularTrack(rng.normal(size=(200, 3)), Fraction(25), "intensive")
        made.append(emphasis.timeline(heard, drawn, mouth, f"recording {k}"))
    return made, *emphasis.segments(made)


def test_segments_are_windows_of_one_clock_with_the_planted_label(segmented) -> None:
    made, X, y = segmented
    assert len(y) == 8 * 4 == len(X) and set(y) == {"emphasis", "plain"}
    assert X.rows["group"].nunique() == 8 and set(X.rows["end"] - X.rows["start"]) == {2.0}
    planted = np.concatenate([t.tracks["word"].label for t in made])
    assert planted.tolist() == y.tolist()
    loudest = X["level.max"].values[:, 0]
    assert loudest[y == "emphasis"].min() > loudest[y == "plain"].max() + 3


def test_sound_tells_and_video_does_not(segmented) -> None:
    _, X, y = segmented
    recipes = emphasis.recipes(X, epochs=3)
    assert recipes[emphasis.VIDEO][1] == ("mouth.max", "mouth.mean", "mouth.sd")
    assert set(recipes[emphasis.SOUND][1]) | set(recipes[emphasis.VIDEO][1]) == set(X.names)
    assert recipes[emphasis.BOTH][0]().get_params()["optim"] == ("adam", 1e-4)
    out = emphasis.judged(X, y, folds(X, y, n_splits=2, seed=0), epochs=3)
    assert out[emphasis.LATE]["accuracy"]["estimate"] > 0.9
    assert out[emphasis.LATE]["kappa"]["estimate"] > 0.8 and out[emphasis.LATE]["F1 of emphasis"]["estimate"] > 0.9
    assert out[emphasis.VIDEO]["accuracy"]["estimate"] < 0.9
    added = out[f"{emphasis.LATE}, minus sound alone, accuracy"]
    assert added["low"] <= added["estimate"] <= added["high"]


def test_f1_of_nothing_is_zero() -> None:
    none = np.zeros(3, dtype=bool)
    assert emphasis.f1(none, none) == 0 and emphasis.f1(~none, ~none) == 1


def test_recordings_of_the_corpus(data_root, monkeypatch: pytest.MonkeyPatch) -> None:
    root = data_root("grid_s1")
    whole, y, facts = emphasis.load_grid(root)
    assert {len(words) for words in facts["words"].values()} == {6}
    monkeypatch.setattr(emphasis, "load_grid", lambda _: (whole[:8], y[:8], facts))
    made = emphasis.recordings(root)
    assert [t.group for t in made] == [f"from {whole.ids[0]}", f"from {whole.ids[4]}"]
    assert made[0].tracks["mouth"].span == (0, 12)
    assert float(made[0].tracks["level"].span[1]) == pytest.approx(12, abs=0.1)
