"""Planted emphasis: louder, higher, in place, and a fair coin."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.datasets.emphasis import plant_emphasis
from mcgurk.errors import DataError

RATE = 16000
TONE = np.sin(2 * np.pi * 200 * np.arange(40 * RATE) / RATE).astype(np.float32)
WORDS = (np.arange(80) * 0.5 + 0.1, np.arange(80) * 0.5 + 0.4)


def test_an_emphasised_word_is_louder_and_higher_and_all_else_is_untouched() -> None:
    sound, drawn = plant_emphasis(TONE, RATE, WORDS)
    assert len(drawn) == 20 and 0 < (drawn.label == "emphasis").sum() < 20
    changed = np.zeros(len(TONE), dtype=bool)
    for start, end, label in zip(drawn.start, drawn.end, drawn.label, strict=True):
        first, last = round(start * RATE), round(end * RATE)
        changed[first:last] |= label == "emphasis"
        if label == "emphasis":
            middle = sound[first + 1200 : last - 1200]
            assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(10**0.3, rel=0.02)
            spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 16))
            assert np.argmax(spectrum) * RATE / (1 << 16) == pytest.approx(224, abs=3)
    assert np.array_equal(sound[~changed], TONE[~changed])


def test_the_coin_is_fair_and_seeded() -> None:
    shares = [np.mean(plant_emphasis(TONE, RATE, WORDS, seed=seed)[1].label == "emphasis") for seed in range(20)]
    assert 0.4 < np.mean(shares) < 0.6
    again = plant_emphasis(TONE, RATE, WORDS, seed=3)
    assert np.array_equal(again[0], plant_emphasis(TONE, RATE, WORDS, seed=3)[0])


def test_segments_without_a_whole_word_hold_nothing() -> None:
    _, drawn = plant_emphasis(TONE, RATE, ([0.2, 3.9, 4.5], [0.6, 4.1, 4.7]))
    assert drawn.start.tolist() == [0.2, 4.5]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="at least 1"):
        plant_emphasis(TONE, RATE, WORDS, pitch=0.9)
