"""Log-mel frames and cepstra as columns."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.column import Ragged
from mcgurk.encoders.log_mel import LogMel
from mcgurk.errors import DataError
from mcgurk.functional.spectra import log_mel

CHIRP = np.sin(2 * np.pi * (200 * np.arange(8000) / 16000 + 3000 * (np.arange(8000) / 16000) ** 2))


def test_frames_times_and_lengths() -> None:
    out = LogMel().prepare(Ragged.of([CHIRP, None, CHIRP[:1600], np.zeros(0)], kind="audio"))
    assert out.lengths.tolist() == [51, 0, 11, 0] and out.present.tolist() == [True, False, True, True]
    assert out.row_times(0)[:3] == pytest.approx([0, 0.01, 0.02])
    assert out.row(0) == pytest.approx(log_mel(CHIRP.astype(np.float32), 16000), abs=1e-4)


def test_a_rising_chirp_rises() -> None:
    loudest = LogMel().prepare(Ragged.of([CHIRP], kind="audio")).row(0).argmax(axis=1)
    assert (np.diff(loudest[2:-2]) >= 0).all() and loudest[-3] > loudest[2] + 20


def test_pooled() -> None:
    steps = LogMel(n_mels=20).prepare(Ragged.of([CHIRP], kind="audio")).row(0)
    pooled = LogMel(n_mels=20, pool="mean+sd").prepare(Ragged.of([CHIRP, np.zeros(0)], kind="audio")).values
    assert pooled[0] == pytest.approx(np.r_[steps.mean(0), steps.std(0)], abs=1e-3)
    assert not pooled[1].any()


def test_other_rate_keeps_window_in_seconds() -> None:
    assert LogMel(rate=8000).prepare(Ragged.of([np.zeros(8000)], kind="audio")).lengths.tolist() == [101]


def test_unknown_pool() -> None:
    with pytest.raises(DataError, match="'max'"):
        LogMel(pool="max").prepare(Ragged.of([CHIRP], kind="audio"))
