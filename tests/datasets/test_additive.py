"""Noise at a stated level, drawn once a recording."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.datasets._additive import noisy
from mcgurk.errors import DataError, UnknownName

RNG = np.random.default_rng(0)
VOICES = [np.sin(np.arange(4000) * (0.05 + 0.01 * k)).astype(np.float32) for k in range(8)]
SPOKEN = [(1000, 3000)] * 8
NAMES = [f"clip {k}" for k in range(8)]


@pytest.mark.parametrize("kind", ["white", "babble"])
@pytest.mark.parametrize("snr", [0.0, -10.0])
def test_the_level_is_that_of_the_words(kind: str, snr: float) -> None:
    quiet = [voice * (np.arange(4000) < 3000) for voice in VOICES]
    for clean, loud in zip(quiet, noisy(quiet, SPOKEN, NAMES, snr=snr, kind=kind, talkers=VOICES), strict=True):
        added = (loud - clean)[1000:3000]
        assert 10 * np.log10(np.mean(clean[1000:3000] ** 2) / np.mean(added**2)) == pytest.approx(snr, abs=0.01)
        assert loud.dtype == np.float32 and np.abs(loud[3000:]).max() > 0


def test_a_recording_has_one_noise_whatever_stands_beside_it() -> None:
    whole = noisy(VOICES, SPOKEN, NAMES, snr=-5.0)
    alone = noisy(VOICES[3:4], SPOKEN[:1], NAMES[3:4], snr=-5.0)
    assert np.array_equal(whole[3], alone[0])
    assert not np.allclose(whole[3] - VOICES[3], whole[4] - VOICES[4])
    assert not np.array_equal(alone[0], noisy(VOICES[3:4], SPOKEN[:1], NAMES[3:4], snr=-5.0, seed=1)[0])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnknownName, match="white, babble"):
        noisy(VOICES, SPOKEN, NAMES, snr=0.0, kind="pink")
    with pytest.raises(DataError, match="6 other recordings"):
        noisy(VOICES, SPOKEN, NAMES, snr=0.0, kind="babble", talkers=VOICES[:2])
