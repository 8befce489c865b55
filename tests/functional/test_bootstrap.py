"""Bootstrap: analytic standard errors, scipy's BCa, coverage, groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mcgurk.errors import DataError
from mcgurk.functional.bootstrap import bootstrap, paired_difference
from mcgurk.metrics.classification import accuracy, roc_auc


def rng(seed=0):
    return np.random.default_rng(seed)


def test_standard_error_of_a_mean():
    x = rng().standard_normal(300)
    got = bootstrap(lambda rows: x[rows].mean(), 300, rng=rng(1))
    assert got.estimate == x.mean()
    assert got.se == pytest.approx(x.std() / np.sqrt(300), rel=0.06)
    assert got.high - got.low == pytest.approx(2 * 1.96 * got.se, rel=0.08)


def test_groups_stay_together():
    groups = np.repeat(np.arange(200), 5)
    x = np.repeat(rng().standard_normal(200), 5) + 0.1 * rng(1).standard_normal(1000)
    shuffled = rng(2).permutation(1000)
    means = x.reshape(200, 5).mean(1)
    got = bootstrap(lambda rows: x[shuffled][rows].mean(), 1000, rng=rng(3), groups=groups[shuffled])
    assert got.se == pytest.approx(means.std(ddof=1) / np.sqrt(200), rel=0.1)
    assert bootstrap(lambda rows: x[rows].mean(), 1000, rng=rng(3)).se < 0.6 * got.se

    def check(rows):
        assert (np.bincount(shuffled_groups[rows], minlength=200) % 5 == 0).all()
        return 0.0

    shuffled_groups = groups[shuffled]
    bootstrap(check, 1000, rng=rng(), groups=shuffled_groups, repeats=100)


@pytest.mark.parametrize("grouped", [False, True])
def test_bca_equals_scipy(grouped):
    x = rng().exponential(size=40)
    groups = np.arange(40)[::-1] if grouped else None
    got = bootstrap(lambda rows: x[rows].var(), 40, rng=rng(1), groups=groups, method="bca", repeats=8000)
    reference = stats.bootstrap((x,), np.var, n_resamples=8000, method="BCa", random_state=rng(2)).confidence_interval
    assert got.low == pytest.approx(reference.low, rel=0.05)
    assert got.high == pytest.approx(reference.high, rel=0.05)
    assert got.high > bootstrap(lambda rows: x[rows].var(), 40, rng=rng(1)).high  # skewed: the corrected interval reaches further


def test_coverage():
    covered = 0
    for seed in range(100):
        x = rng(seed).standard_normal(60)
        got = bootstrap(lambda rows, x=x: x[rows].mean(), 60, rng=rng(seed + 1000), repeats=300)
        covered += got.low <= 0.0 <= got.high
    assert 87 <= covered <= 99


def test_paired_difference():
    y = rng().integers(0, 2, 400)
    good, bad = np.where(rng(1).random(400) < 0.9, y, 1 - y), np.where(rng(2).random(400) < 0.6, y, 1 - y)
    got = paired_difference(accuracy, y, good, bad, rng=rng(3))
    assert got.estimate == pytest.approx((good == y).mean() - (bad == y).mean())
    assert got.low > 0.2 and got.p_value == pytest.approx(2 / 2001)
    nothing = paired_difference(accuracy, y, good, good, rng=rng(3))
    assert (nothing.low, nothing.high, nothing.p_value) == (0.0, 0.0, 1.0)


def test_undefined_resamples_are_dropped():
    y, p = np.array([0, 0, 0, 1, 1]), np.linspace(0, 1, 5)
    got = bootstrap(lambda rows: roc_auc(y[rows], np.column_stack([1 - p, p])[rows]), 5, rng=rng(), method="bca")
    assert 0 <= got.low <= got.high <= 1
    with pytest.raises(DataError, match="undefined in 100 of 100") as caught:
        bootstrap(lambda rows: np.nan, 5, rng=rng(), repeats=100)
    assert caught.value.code == "S01"


def test_same_generator_same_interval():
    x = rng().standard_normal(20)
    assert bootstrap(lambda rows: x[rows].mean(), 20, rng=rng(7)) == bootstrap(lambda rows: x[rows].mean(), 20, rng=rng(7))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"groups": np.zeros(5)}, "1 group was given"),
        ({"groups": np.zeros(4)}, "one group per row"),
        ({"method": "basic"}, "method"),
        ({"repeats": 5}, "at least 100"),
        ({"level": 1.0}, "level"),
    ],
)
def test_errors(options, match):
    with pytest.raises(DataError, match=match):
        bootstrap(lambda rows: float(rows.sum()), 5, rng=rng(), **options)
    with pytest.raises(DataError, match="same rows"):
        paired_difference(accuracy, [1, 0], [1], [1], rng=rng())
