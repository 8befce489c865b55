"""The planted parts at a small part of their size."""

from __future__ import annotations

import numpy as np
from benchmarks import highmmt

QUICK = {"epochs": 1, "patience": None, "batch_size": 16, "optim": ("adamw", 2e-3)}


def test_one_network_has_fewer_numbers_than_three(monkeypatch):
    monkeypatch.setattr(highmmt, "SHARING", {"shared": {}})
    figures = highmmt.tasks(2, 16, QUICK, 8)
    alone, shared = figures["a network for each task"], figures["shared"]
    assert shared["parameters"] < alone["parameters"]
    assert 0 <= shared["mean accuracy"] <= 1 and np.isfinite(shared["better than a network for each"]["low"])


def test_moments_decide():
    for X, y in highmmt.moments(0, "test", 50).values():
        first, second = X.names
        assert X[first].item == (highmmt.WIDTHS[first],) and set(y) == {first, second}
    X, y = highmmt.two_kinds(0, "train", 200)
    assert len(X.names) == 3 and 0.3 < np.mean(y == "up") < 0.7
