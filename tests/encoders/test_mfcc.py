"""Cepstra and their slopes as columns."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.column import Ragged
from mcgurk.encoders.mfcc import Mfcc
from mcgurk.errors import DataError
from mcgurk.functional.spectra import mfcc, regression_deltas

NOISE = np.random.default_rng(0).normal(size=4000).astype(np.float32) * 0.1


@pytest.mark.parametrize(("style", "count", "first"), [("librosa", 26, 0.0), ("htk", 23, 0.0125)])
def test_coefficients_and_slopes(style: str, count: int, first: float) -> None:
    out = Mfcc(style=style).prepare(Ragged.of([NOISE, None], kind="audio"))
    assert out.lengths.tolist() == [count, 0] and out.item == (39,) and out.times[0] == pytest.approx(first)
    own = mfcc(NOISE, 16000, 13, style=style)
    assert out.values[:, :13] == pytest.approx(own, abs=1e-4)
    assert out.values[:, 13:26] == pytest.approx(regression_deltas(own), abs=1e-4)
    assert out.values[:, 26:] == pytest.approx(regression_deltas(regression_deltas(own)), abs=1e-4)


def test_pooled_and_empty() -> None:
    out = Mfcc(n=5, deltas=0, pool="mean+sd").prepare(Ragged.of([NOISE, np.zeros(0)], kind="audio"))
    assert out.values.shape == (2, 10) and not out.values[1].any() and out.present.all()
    assert Mfcc(n=5, deltas=1).prepare(Ragged.of([np.zeros(0)], kind="audio")).values.shape == (0, 10)


def test_wrong_parameters() -> None:
    with pytest.raises(DataError, match="deltas 3"):
        Mfcc(deltas=3).prepare(Ragged.of([NOISE], kind="audio"))


def test_centred_frames_have_no_mean() -> None:
    plain, centred = (Mfcc(center=on).prepare(Ragged.of([NOISE, np.zeros(0)], kind="audio")) for on in (False, True))
    assert centred.values == pytest.approx(plain.values - plain.values.mean(axis=0), abs=1e-3)
    assert centred.lengths.tolist() == plain.lengths.tolist()
