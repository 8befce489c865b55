"""The comparison of streams with and without cross-modal attention, on made streams: one switch apart, the same parameters."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import ads_streams
from benchmarks.ads_streams import CROSS, OWN, POOLED

from mcgurk.data.split import folds
from mcgurk.testing import toys


@pytest.fixture(scope="module")
def figures():
    X = toys.sequences(48)
    y = np.where(toys.labels(X, "classes") == "yes", 1, -1)
    groups = np.arange(len(y)) // 2
    made = ads_streams.models({"series": "precomputed", "vector": "precomputed"}, epochs=2, patience=None)
    return ads_streams.compared(made, X, y, folds(X, y, n_splits=2, groups=groups, seed=0), groups, groups, range(2))


def test_the_models_differ_in_one_switch_only(figures):
    made = ads_streams.models(ads_streams.ENCODERS)
    one, other = (made[name](3).get_params(deep=False) for name in (CROSS, OWN))
    assert one.pop("fusion").get_params() | {"align": False} == other.pop("fusion").get_params() and one == other
    assert figures[CROSS]["parameters"] == figures[OWN]["parameters"] > figures[POOLED]["parameters"]


def test_differences_are_paired_and_have_intervals(figures):
    for name, first, second in (("cross-modal attention added", CROSS, OWN), ("self-attention added to means", OWN, POOLED)):
        found = figures[name]
        assert found["estimate"] == pytest.approx(figures[first]["estimate"] - figures[second]["estimate"])
        assert found["low"] <= found["estimate"] <= found["high"]
    assert all(len(figures[name]["seeds"]) == 2 for name in (CROSS, OWN, POOLED))
    assert figures[CROSS]["estimate"] == pytest.approx(np.mean(figures[CROSS]["seeds"]))


def test_the_verdict_follows_the_interval():
    said = [ads_streams.verdict({"low": low, "high": high}) for low, high in ((0.01, 0.1), (-0.1, -0.01), (-0.1, 0.1))]
    assert said[0].endswith("helps") and said[1].endswith("harms") and "not shown" in said[2]


def test_the_ads_are_four_streams_of_which_most_lack_some(data_root):
    X, _, _ = ads_streams.load_political_ads(data_root("political_ads").parent)
    assert X.names == ("asr", "body", "ocr", "other") and "ocr in 86% of the units" in ads_streams.absent(X)
