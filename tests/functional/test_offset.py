"""Clock offset and drift on delays that were put in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from mcgurk.errors import DataError
from mcgurk.functional.offset import correlation, drift, offset


def test_correlation_against_numpy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=30) + 4, rng.normal(size=20) - 9
    lags, r, count = correlation(a, b, 5)
    for lag, value, n in zip(lags, r, count, strict=True):
        x = a[max(-lag, 0) : min(len(a), len(b) - lag)]
        y = b[max(lag, 0) : min(len(b), len(a) + lag)]
        assert len(x) == len(y) == n and value == pytest.approx(np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize("seed", range(5))
def test_whole_delay_in_loud_noise(seed: int) -> None:
    """Check: b is a 137 samples late, noise at 0 dB: exactly 137."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=4137)
    found = offset(source[137:], source + rng.normal(size=4137))
    assert round(found.lag) == 137 and abs(found.lag - 137) < 0.5 and found.ratio > 1.2 and found.strength > 5


@pytest.mark.parametrize("seed", range(5))
def test_fractional_delay(seed: int) -> None:
    """Check: a delay of 137.4 samples to 0.1. A parabola alone misses that on a full-band signal, so: an envelope smoothed by a Gaussian of
    sd 1.5 samples, and noise 20 dB below it.
    """
    rng = np.random.default_rng(seed)
    fine = gaussian_filter1d(rng.normal(size=10 * 4400), 15)
    a, b = fine[1374::10][:4000], fine[::10][:4200]
    noise = 0.1 * b.std() * rng.normal(size=len(b))
    assert offset(a, b + noise).lag == pytest.approx(137.4, abs=0.1)


@pytest.mark.parametrize("seed", range(10))
def test_white_noise_has_no_peak(seed: int) -> None:
    """Check: refused. The ratio of 1.2 alone lets some pairs pass; the height rule does not."""
    rng = np.random.default_rng(seed)
    with pytest.raises(DataError, match="no reliable peak") as caught:
        offset(rng.normal(size=4000), rng.normal(size=4000), min_overlap=1000)
    assert caught.value.code == "T05"


def test_drift_over_ten_minutes() -> None:
    """Check: alpha = 1.0005 over 10 minutes to 1e-5."""
    rng = np.random.default_rng(0)
    rate, seconds, alpha, beta = 100.0, 600.0, 1.0005, 0.7
    fine = gaussian_filter1d(rng.normal(size=int(rate * (seconds + 20)) * 10), 20)
    clock = np.arange(len(fine)) / (10 * rate) - 5
    t = np.arange(int(rate * seconds)) / rate
    a = np.interp(t, clock, fine)
    b = np.interp((t - beta) / alpha, clock, fine)
    found = drift(a, b + 0.1 * b.std() * rng.normal(size=len(b)), rate)
    assert found.alpha == pytest.approx(alpha, abs=1e-5) and found.beta == pytest.approx(beta, abs=0.005)
    assert found.residual < 0.01 and found.blocks == (20, 20)


def test_a_block_of_noise_is_left_out() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=20000)
    b = a.copy()
    b[3000:6000] = rng.normal(size=3000)
    found = drift(a, b, 100.0)
    assert found.alpha == pytest.approx(1, abs=1e-6) and found.blocks == (5, 6)
    with pytest.raises(DataError, match="blocks have a reliable peak"):
        drift(a, rng.normal(size=20000), 100.0)


def test_too_short() -> None:
    with pytest.raises(DataError, match="never overlap"):
        offset(np.zeros(5), np.zeros(5), min_overlap=10)
