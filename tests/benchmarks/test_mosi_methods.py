"""The lists and layouts of the comparison on utterances; on real data a tenth of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks import mosi_methods

import mcgurk
from mcgurk.data import Dataset, Ragged
from mcgurk.encoders import assets
from mcgurk.fusion import ENTRIES, InteractionClassifier


def test_every_layer_and_recipe_is_a_method():
    listed = {method.name: method for method in mosi_methods.methods()}
    registered = {name for name, entry in ENTRIES.items() if entry.role in ("fusion", "recipe")}
    assert registered - set(listed) == {"graph", "single"} and len(listed) == len(registered) - 2 + 9
    assert listed["mult"].steps and listed["mult"].trains and not listed["late"].trains and listed["staged"].trains


def toy() -> mosi_methods.Layout:
    """40 videos of 6 steps; the label is the sign of the step before."""
    rng = np.random.default_rng(0)
    offsets = np.arange(0, 241, 6)
    words = rng.normal(size=(240, 2))
    y = np.r_[0, words[:-1, 0] > 0].astype(int)
    y[offsets[:-1]] = rng.integers(0, 2, 40)
    columns = {"words": Ragged(words, offsets, None, None, "vector"), "sound": Ragged(rng.normal(size=(240, 1)), offsets)}
    rows = pd.DataFrame({"group": np.arange(40), "split": np.repeat(["train", "test"], [30, 10])})
    settings = {"batch_size": 4, "epochs": 20, "optim": ("adamw", 3e-3), "hidden": (16,)}
    return mosi_methods.Layout("toy", Dataset(columns, rows=rows), Ragged(y, offsets), settings)


def test_the_reach_is_chosen_on_training_videos(tmp_path):
    layout, method = toy(), mosi_methods.Method("mag", ("mag", {"main": "words", "width": 16, "heads": 2}), steps=True)
    around, (line,) = mosi_methods.reach([method], layout, mosi_methods.Stored("toy", 0, tmp_path), full=False)
    assert around > 0 and line["0"] > line[str(around)]
    seen, blind = ({"mag": [mosi_methods.outcome(method, layout, 0, k)]} for k in (around, 0))
    (added,) = mosi_methods.context_added(layout.codes(layout.test), seen, blind, np.repeat(np.arange(10), 6))
    assert added["difference"]["low"] > 0
    assert "labels" in mosi_methods.outcome(mosi_methods.Method("interactions", InteractionClassifier()), layout, 0)["refused"]


def test_slow_methods_come_last():
    chosen = mosi_methods.methods()
    order, short = (list(mosi_methods.rounds(chosen, full)) for full in (True, False))
    assert {method.name for _, method in short[-2:]} == set(mosi_methods.SLOW) and len(short) == len(mosi_methods.methods())
    assert order[: len(short)] == short and [seed for seed, method in order if method.name == "mult"] == list(range(mosi_methods.SEEDS))


@pytest.mark.slow
def test_words_alone_reach_what_was_measured():
    root = os.environ.get("MCGURK_DATA", "")
    if not (Path(root) / "cmu_mosi").is_dir() or not root or not assets.installed("minilm"):
        pytest.skip("needs cmu_mosi below MCGURK_DATA and the packaged MiniLM")
    X, y, _ = mosi_methods.load_cmu_mosi(root)
    layout = mosi_methods.Layout("utterances", X, y, {})
    method = next(m for m in mosi_methods.methods() if m.name == mosi_methods.REFERENCE)
    with mcgurk.config.set(threads=1, progress=False):
        found = mosi_methods.outcome(method, layout, 0)
    assert 0.77 < np.mean(np.array(found["predicted"]) == y[layout.test]) < 0.81
