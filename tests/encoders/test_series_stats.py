"""Series to statistics, with steps missing."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.column import Dense, Lazy, Ragged
from mcgurk.encoders.series_stats import SeriesStats
from mcgurk.errors import DataError


def described(series: np.ndarray, times: np.ndarray | None = None) -> dict[str, float]:
    column = Ragged.of([series.reshape(len(series), -1)], times=None if times is None else [times])
    encoder = SeriesStats()
    return dict(zip(encoder.names(1), encoder.prepare(column).values[0].tolist(), strict=True))


def test_a_ramp_by_hand() -> None:
    found = described(np.array([0.0, 2, 4, 6, 8]), np.array([0.0, 0.5, 1, 1.5, 2]))
    assert (found["mean"], found["least"], found["most"], found["q50"], found["slope"], found["mean_change"]) == (4, 0, 8, 4, 4, 2)
    assert found["sd"] == pytest.approx(np.sqrt(8)) and found["crossings"] == 0.25 and found["missing"] == 0
    assert found["log_steps"] == pytest.approx(np.log(6)) and found["log_duration"] == pytest.approx(np.log(3))
    assert described(np.array([0.0, 2, 4, 6, 8]))["slope"] == 2


def test_missing_steps_are_left_out() -> None:
    """What stands at an unobserved step cannot matter, and a change is never taken across it."""
    found = described(np.array([1.0, np.nan, 5.0, 6.0]))
    assert found["mean"] == 4 and found["missing"] == 0.25 and found["mean_change"] == 1
    assert found["slope"] == pytest.approx(np.polyfit([0, 2, 3], [1, 5, 6], 1)[0])


def test_a_seasonal_series() -> None:
    found = described(np.cos(2 * np.pi * np.arange(160) / 8))
    assert found["autocorrelation_8"] == pytest.approx(1, abs=1e-6) and found["autocorrelation_4"] == pytest.approx(-1, abs=1e-6)
    assert described(np.cos(2 * np.pi * np.arange(160) / 11))["octave_3"] > 0.99


def test_channels_rows_and_containers() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 12, 2))
    dense = SeriesStats().prepare(Dense(values, np.array([True, False, True]), "series"))
    ragged = SeriesStats().prepare(Ragged.of([values[0], None, values[2]]))
    assert np.array_equal(dense.values, ragged.values) and not ragged.values[1].any()
    assert dense.values.shape == (3, len(SeriesStats().names(2)))
    one = SeriesStats().prepare(Ragged.of([values[2]])).values[0]
    assert np.array_equal(one, ragged.values[2])
    assert SeriesStats().prepare(Dense(values[:, :, 0], kind="series")).values.shape == (3, len(SeriesStats().names(1)))


def test_empty_and_unseen_are_zero() -> None:
    out = SeriesStats().prepare(Ragged.of([np.zeros((0, 1)), np.full((4, 1), np.nan), np.zeros((5, 1))]))
    assert out.present.all() and not out.values[0].any() and np.isfinite(out.values).all()
    named = dict(zip(SeriesStats().names(1), out.values[1].tolist(), strict=True))
    assert named["missing"] == 1 and named["mean"] == 0


def test_text_is_refused() -> None:
    with pytest.raises(DataError, match="text items"):
        SeriesStats().prepare(Lazy(["a"]))
