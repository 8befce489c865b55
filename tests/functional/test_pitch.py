"""Pitch of sounds that were made at a known one."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional.pitch import pitch

RATE = 16000
T = np.arange(RATE) / RATE


def voice(hz: float) -> np.ndarray:
    return sum(np.sin(2 * np.pi * k * hz * T + k) / k for k in range(1, 20) if k * hz < 8000)


@pytest.mark.parametrize("hz", [110, 220, 440])
@pytest.mark.parametrize("make", [voice, lambda hz: np.sin(2 * np.pi * hz * T)], ids=["voice", "sine"])
def test_clean(hz: float, make) -> None:  # type: ignore[no-untyped-def]
    found = pitch(make(hz), RATE)
    assert found.voiced.all()
    assert np.abs(found.hz / hz - 1).max() < 2e-4


@pytest.mark.parametrize("hz", [110, 220, 440])
def test_noise_20_db_down(hz: float) -> None:
    x = voice(hz)
    found = pitch(x + 0.1 * x.std() * np.random.default_rng(0).normal(size=len(x)), RATE)
    assert found.voiced.mean() > 0.99
    assert np.abs(found.hz[found.voiced] / hz - 1).max() < 2e-3


def test_nothing_voiced_in_noise_and_silence() -> None:
    assert pitch(np.random.default_rng(1).normal(size=5 * RATE), RATE).voiced.mean() < 0.02
    silence = pitch(np.zeros(RATE), RATE)
    assert not silence.voiced.any() and not silence.hz.any() and not silence.strength.any()


def test_a_glide_and_a_pause() -> None:
    hz = 150 + 100 * T
    sound = np.sin(2 * np.pi * np.cumsum(hz) / RATE)
    found = pitch(sound, RATE)
    assert np.abs(found.hz - np.interp(found.times, T, hz)).max() < 1.0
    sound[6000:10000] = 0
    found = pitch(sound, RATE)
    inside = (found.times > 0.41) & (found.times < 0.59)
    assert not found.voiced[inside].any() and found.voiced[found.times < 0.33].all()


def test_the_path_prevents_an_octave_jump() -> None:
    """Two frames' worth of a strong octave above, in a steady voice."""
    x = voice(120)
    x[8000:8200] += 3 * np.sin(2 * np.pi * 240 * T[8000:8200])
    found = pitch(x, RATE)
    assert (found.hz[found.voiced] < 180).mean() > 0.95


def test_short_sound_and_wrong_range() -> None:
    assert pitch(np.zeros(100), RATE).times.shape == (0,)
    assert pitch(np.zeros(0), RATE).times.shape == (0,)
    with pytest.raises(DataError, match="0 < low < high"):
        pitch(T, RATE, low=500, high=100)
