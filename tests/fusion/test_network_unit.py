"""The small-network unit: it learns, is seeded, weighs rows and is kept."""

from __future__ import annotations

import numpy as np
import pytest

import mcgurk
from mcgurk import FusionClassifier
from mcgurk.data.target import encode_target
from mcgurk.fusion import NetworkUnit
from mcgurk.run import Run

RNG = np.random.default_rng(0)
F = RNG.normal(size=(240, 4))
LINE = F @ [1.0, -1.0, 0.0, 0.5]
ROWS = np.arange(240)
UNIT = {"hidden": (16,), "epochs": 40, "rate": 1e-2, "dropout": 0.0}


@pytest.mark.parametrize("task", ["classes", "multilabel", "number", "count"])
def test_every_target(task):
    y = {
        "classes": encode_target((LINE > 0).astype(int), "classifier"),
        "multilabel": encode_target(np.stack([LINE > 0, LINE < 0], axis=1).astype(int), "classifier"),
        "number": encode_target(LINE, "regressor"),
        "count": encode_target(np.round(np.exp(LINE)), "regressor", task="count"),
    }[task].with_statistics()
    unit = NetworkUnit(**UNIT).fit(F, y, np.ones(240), ROWS // 2, Run.of(0))
    scores = unit.scores(F)
    assert scores.shape == (240, y.spec.columns)
    signal = scores[:, 1] - scores[:, 0] if task == "classes" else scores[:, 0]
    assert np.corrcoef(signal, LINE)[0, 1] > 0.85
    assert unit.parameters() == 4 * 16 + 16 + 17 * y.spec.columns


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    y = encode_target(LINE, "regressor").with_statistics()
    first, second, other = (NetworkUnit(**{**UNIT, "epochs": 2}).fit(F, y, None, ROWS, Run.of(seed)).scores(F) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_it_is_kept_inside_a_graph(tmp_path):
    model = FusionClassifier(fusion=("early", {"unit": NetworkUnit(**{**UNIT, "epochs": 2})})).fit({"a": F[:, :2], "b": F[:, 2:]}, LINE > 0)
    model.save(tmp_path / "m.mcgurk")
    again = mcgurk.load(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(again.predict_proba({"a": F[:, :2], "b": F[:, 2:]}), model.predict_proba({"a": F[:, :2], "b": F[:, 2:]}))
