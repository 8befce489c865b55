"""Pitch, level and pauses of sounds made to order."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.column import Ragged
from mcgurk.encoders.prosody import NAMES, STEP_NAMES, Prosody

RATE = 16000


def voice(hz: float, seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return 0.1 * sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 10))


def described(sound: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, Prosody().prepare(Ragged.of([sound], kind="audio")).values[0].tolist(), strict=True))


@pytest.mark.parametrize("hz", [110, 220, 440])
def test_steady_voice(hz: float) -> None:
    found = described(voice(hz, 1.0))
    assert found["pitch_mean"] == pytest.approx(12 * np.log2(hz / 100), abs=0.01)
    assert found["pitch_sd"] == pytest.approx(0, abs=0.01) and found["pitch_slope"] == pytest.approx(0, abs=0.01)
    assert found["voiced_share"] == 1 and found["pause_share"] == 0 and found["harmonics_to_noise"] > 25
    assert found["log_seconds"] == pytest.approx(0, abs=1e-6)


def test_two_phrases_with_a_pause() -> None:
    sound = np.concatenate([voice(120, 0.6), np.zeros(RATE // 2), voice(240, 0.6)])
    found = described(sound)
    assert found["pauses_per_second"] == pytest.approx(1 / 1.7, rel=0.01)
    assert found["pause_share"] == pytest.approx(0.5 / 1.7, rel=0.15)
    assert found["voiced_runs_per_second"] == pytest.approx(2 / 1.7, rel=0.01)
    assert found["pitch_slope"] > 5 and found["pitch_q90"] - found["pitch_q10"] == pytest.approx(12, abs=0.1)


def test_level_in_decibels() -> None:
    x = 0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    assert described(x)["level_mean"] == pytest.approx(10 * np.log10(0.125), abs=0.05)


def test_silence_and_nothing() -> None:
    out = Prosody().prepare(Ragged.of([np.zeros(RATE), np.zeros(0)], kind="audio"))
    silence = dict(zip(NAMES, out.values[0].tolist(), strict=True))
    assert np.isfinite(out.values).all() and silence["voiced_share"] == 0 and silence["pitch_mean"] == 0
    assert silence["level_mean"] == pytest.approx(-80) and not out.values[1].any()


def test_steps() -> None:
    out = Prosody(sequence=True).prepare(Ragged.of([voice(200, 0.5), None], kind="audio"))
    assert out.item == (len(STEP_NAMES),) and out.lengths[0] > 40 and out.lengths[1] == 0
    assert np.diff(out.times) == pytest.approx(0.01)
    assert out.values[:, 0] == pytest.approx(12, abs=0.02) and (out.values[:, 1] == 1).all()


def test_quadratic_time_is_not_spent_on_long_sounds() -> None:
    assert Prosody(sequence=True).prepare(Ragged.of([np.zeros(30 * RATE)], kind="audio")).lengths[0] > 2900
