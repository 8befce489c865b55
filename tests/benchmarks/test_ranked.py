"""Tables of methods: metrics by hand, paired draws of groups, simultaneous intervals, order and verdicts."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import _ranked

TRUTH = np.array([0, 0, 1, 1, 1, 0])
GROUPS = np.array(["a", "a", "a", "b", "b", "b"])


def test_counts_by_group_and_metrics_by_hand():
    counts = _ranked.tables(TRUTH, [[0, 1, 1, 1, 1, 0], [0, 0, 1, 1, 0, 1]], GROUPS)
    assert counts.shape == (2, 2, 2, 2) and counts[0, 0].tolist() == [[1, 1], [0, 1]]
    assert _ranked.accuracy(counts.sum(axis=1)) == pytest.approx([100 * 5 / 6, 100 * 4 / 6])
    assert _ranked.macro_f1(counts.sum(axis=1))[0] == pytest.approx(100 * (2 * 2 / (3 + 2) + 2 * 3 / (3 + 4)) / 2)
    assert _ranked.macro_f1(np.array([[3.0, 0], [1, 0]])) == pytest.approx(100 * 6 / 7 / 2)


def test_draws_are_those_of_whole_groups_and_the_same_for_all():
    counts = _ranked.tables(TRUTH, [[0, 1, 1, 1, 1, 0]], GROUPS)
    draws = _ranked.Draws(2, repeats=500)
    estimate, drawn = draws.of(counts, _ranked.accuracy)
    assert estimate == pytest.approx(100 * 5 / 6)
    assert set(np.round(drawn, 6)) == {round(100 * 2 / 3, 6), round(100 * 5 / 6, 6), 100.0}
    np.testing.assert_array_equal(drawn, _ranked.Draws(2, repeats=500).of(counts, _ranked.accuracy)[1])


def test_simultaneous_intervals_cover_all_differences_at_once():
    rng = np.random.default_rng(0)
    held = {"own": 0, "together": 0}
    for _ in range(200):
        centre = rng.normal(size=10)
        drawn = {str(i): (centre[i], centre[i] + rng.normal(size=400)) for i in range(10)}
        together = _ranked.simultaneous(drawn)
        own = {name: _ranked.interval(*given) for name, given in drawn.items()}
        held["together"] += all(line["low"] <= 0 <= line["high"] for line in together.values())
        held["own"] += all(line["low"] <= 0 <= line["high"] for line in own.values())
    assert held["together"] > 180 > 150 > held["own"]
    assert _ranked.simultaneous({"same": (0.0, np.zeros(5))})["same"] == {"estimate": 0.0, "low": 0.0, "high": 0.0}


def test_the_best_comes_first_and_is_judged_among_all():
    rng = np.random.default_rng(1)
    truth, groups = rng.integers(0, 2, 900), np.repeat(np.arange(30), 30)
    answers = {
        "reference": [np.where(rng.random(900) < 0.7, truth, 1 - truth)],
        "better": [np.where(rng.random(900) < 0.9, truth, 1 - truth) for _ in range(3)],
        "worse": [1 - truth],
    }
    lines = _ranked.ranked(truth, answers, groups, "reference", {name: {"seconds": 1.0} for name in answers})
    assert [line["method"] for line in lines] == ["better", "reference", "worse"]
    best, reference, _ = lines
    assert best["minus reference"]["low"] > 0 and best["all at once"]["low"] > 0 and best["Holm p"] < 0.01
    assert best["seeds"] == 3 and best["seeds ±"] > 0 and best["seconds"] == 1.0
    assert reference["minus reference"] is None and reference["Holm p"] is None and reference["seeds ±"] is None
    said = _ranked.verdicts(lines, "reference")
    assert said["best"].startswith("better, the highest of 2 compared with reference: +2")
    assert said["better than reference (Holm, 5 %)"] == "better" and said["worse than reference (Holm, 5 %)"] == "worse"
    assert said["worse than reference, on their own interval only"] == "none"
