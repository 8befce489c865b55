"""SeriesSpectrum: bands of a wave of known frequency, windows, missing steps, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.column import Lazy, Ragged
from mcgurk.encoders.spectrum import SeriesSpectrum
from mcgurk.errors import DataError


def wave(frequency: float, steps: int = 128) -> np.ndarray:
    return np.cos(2 * np.pi * frequency * np.arange(steps))[:, None]


@pytest.mark.parametrize("frequency", [0.0625, 0.1875, 0.4375])
def test_a_wave_peaks_in_its_own_band(frequency: float) -> None:
    values = SeriesSpectrum(bands=4).prepare(Ragged.of([wave(frequency)])).values[0]
    assert values[:4].argmax() == int(frequency / 0.125)
    assert values[4 + 3] == pytest.approx(frequency)  # the peak's frequency


def test_scaling_a_series_shifts_every_band_of_log_power_alike() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 1))
    one, ten = (SeriesSpectrum(bands=4).prepare(Ragged.of([factor * noise])).values[0, :4] for factor in (1.0, 10.0))
    assert np.allclose(np.diff(ten - one), 0, atol=1e-6)


def test_windows_give_a_sequence_with_times_at_their_middles() -> None:
    column = Ragged.of([wave(0.1)], times=[np.arange(128) / 10])
    out = SeriesSpectrum(bands=4, window=32, hop=16).prepare(column)
    assert isinstance(out, Ragged)
    assert out.lengths.tolist() == [1 + (128 - 32) // 16]
    assert out.times is not None and np.all(np.diff(out.times) > 0)


def test_missing_steps_are_left_out_and_absent_rows_are_zero() -> None:
    holed = wave(0.25)
    holed[::7] = np.nan
    out = SeriesSpectrum(bands=4).prepare(Ragged.of([holed, None]))
    assert np.isfinite(out.values).all()
    assert not out.values[1].any() and out.present.tolist() == [True, False]
    assert out.values[0, 4 + 3] == pytest.approx(0.25, abs=0.01)


def test_what_cannot_be_a_spectrum_is_refused() -> None:
    with pytest.raises(DataError):
        SeriesSpectrum().prepare(Lazy(["text"]))
    with pytest.raises(DataError, match="window"):
        SeriesSpectrum(window=2).prepare(Ragged.of([wave(0.1)]))
