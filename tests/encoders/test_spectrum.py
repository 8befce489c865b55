"""Series to spectra, with steps missing."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.column import Lazy, Ragged
from mcgurk.encoders.spectrum import SHAPE, SeriesSpectrum
from mcgurk.errors import DataError


def test_spectrum_finds_the_line() -> None:
    wave = np.cos(2 * np.pi * np.arange(200) / 10)[:, None]
    out = SeriesSpectrum(bands=5).prepare(Ragged.of([wave, None])).values
    assert out.shape == (2, 5 + len(SHAPE)) and not out[1].any()
    assert out[0, :5].argmax() == 1 or out[0, :5].argmax() == 0
    assert dict(zip(SHAPE, out[0, 5:], strict=True))["peak_frequency"] == pytest.approx(0.1)


def test_spectrum_in_windows() -> None:
    wave = np.concatenate([np.cos(2 * np.pi * 0.05 * np.arange(64)), np.cos(2 * np.pi * 0.4 * np.arange(64))])[:, None]
    column = Ragged.of([wave, np.zeros((0, 1)), None], times=[np.arange(128) / 10, np.zeros(0), None])
    out = SeriesSpectrum(bands=4, window=32).prepare(column)
    assert isinstance(out, Ragged) and out.lengths.tolist() == [7, 0, 0] and out.present.tolist() == [True, True, False]
    assert out.values[0, :4].argmax() == 0 and out.values[-1, :4].argmax() == 3
    assert out.times[0] == pytest.approx(1.55)
    with pytest.raises(DataError, match="at least 4"):
        SeriesSpectrum(window=2).prepare(column)


def test_steps_that_were_not_observed_are_left_out() -> None:
    wave = np.cos(2 * np.pi * np.arange(200) / 10)[:, None]
    holes = wave.copy()
    holes[[3, 77, 150]] = np.nan
    whole, part = (SeriesSpectrum(bands=5).prepare(Ragged.of([series])).values[0] for series in (wave, holes))
    assert np.isfinite(part).all() and part[5 + SHAPE.index("peak_frequency")] == pytest.approx(whole[5 + SHAPE.index("peak_frequency")])


def test_text_is_refused() -> None:
    with pytest.raises(DataError, match="text items"):
        SeriesSpectrum().prepare(Lazy(["a"]))
