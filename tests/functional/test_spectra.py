"""Spectra against librosa 0.11 (known answers, and librosa itself where it is installed)."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional import spectra

RATE = 16000
T = np.arange(3200) / RATE
CHIRP = 0.5 * np.sin(2 * np.pi * (300 * T + 2000 * T**2)) + 0.1 * np.cos(2 * np.pi * 3000 * T)


def test_log_mel_has_librosas_values() -> None:
    mel = spectra.log_mel(CHIRP, RATE)
    assert mel.shape == (21, 80)
    expected = [-63.07205161744225, -60.03619783384287, 3.514760003530058, -82.1346832649175, -100.0]
    assert mel[10, [0, 5, 20, 60, 79]] == pytest.approx(expected, abs=1e-5)
    assert mel.mean() == pytest.approx(-55.98544842080802, abs=1e-5)


def test_mfcc_has_librosas_values() -> None:
    cepstra = spectra.mfcc(CHIRP, RATE, 13)
    assert cepstra[10, :5] == pytest.approx(
        [-547.8595206514357, 100.9841952188755, 7.9004247634558435, -44.77099253671203, -138.07200606024168]
    )
    assert cepstra.mean() == pytest.approx(-42.18205056333805)


def test_stft_has_librosas_values() -> None:
    transform = spectra.stft(CHIRP, 512, 128, length=400, pad="reflect")
    assert transform.shape == (26, 257)
    assert transform[7, 20] == pytest.approx(-2.6888823238964417 + 0.7789240945884959j, abs=1e-9)


def test_equal_to_librosa_where_installed() -> None:
    librosa = pytest.importorskip("librosa")
    for scale, norm in (("slaney", "slaney"), ("htk", None)):
        theirs = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=40, htk=scale == "htk", norm=norm)
        assert spectra.mel_filters(RATE, 512, 40, scale=scale, norm=norm) == pytest.approx(theirs, abs=1e-6)
    theirs = librosa.feature.delta(CHIRP[None, ::100], width=5, mode="nearest")[0]
    assert spectra.regression_deltas(CHIRP[::100, None])[4:-4, 0] == pytest.approx(theirs[4:-4])


def test_mel_scales_and_their_inverses() -> None:
    hz = np.array([100.0, 3000.0, 8000.0])
    assert spectra.hz_to_mel(hz) == pytest.approx([1.5, 30.97940199, 45.24564047])
    assert spectra.hz_to_mel(hz, "htk") == pytest.approx([150.48910241, 1876.45406012, 2840.02304671])
    for scale in ("slaney", "htk"):
        assert spectra.mel_to_hz(spectra.hz_to_mel(hz, scale), scale) == pytest.approx(hz)
    sums = spectra.mel_filters(RATE, 512, 26, scale="htk", norm=None).sum(axis=1)[[0, 10, 25]]
    assert sums == pytest.approx([2.28106308, 5.86256409, 23.70170403], abs=1e-5)


def test_htk_cepstra_by_hand() -> None:
    """One frame, every step of The HTK Book written out as sums."""
    x = np.random.default_rng(0).normal(size=400) * 0.1
    scaled = x * 32768
    emphasised = np.r_[scaled[0] * 0.03, scaled[1:] - 0.97 * scaled[:-1]] * np.hamming(400)
    magnitude = np.abs(np.fft.rfft(emphasised, 512))
    bands = np.log(np.maximum(spectra.mel_filters(RATE, 512, 26, scale="htk", norm=None) @ magnitude, 1.0))
    j = np.arange(1, 27)
    expected = [np.sqrt(2 / 26) * (bands * np.cos(np.pi * i / 26 * (j - 0.5))).sum() * (1 + 11 * np.sin(np.pi * i / 22)) for i in range(13)]
    assert spectra.mfcc(x, RATE, 13, style="htk")[0] == pytest.approx(expected)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spectra.log_mel(CHIRP, RATE)
    monkeypatch.setattr(spectra, "BLOCK", 3)
    assert spectra.log_mel(CHIRP, RATE) == pytest.approx(whole, abs=1e-9)


def test_float32_stays_float32_and_agrees() -> None:
    single = spectra.log_mel(CHIRP.astype(np.float32), RATE)
    assert single.dtype == np.float32
    assert spectra.to_db(spectra.mel_power(CHIRP, RATE), range_db=60) == pytest.approx(
        spectra.to_db(spectra.mel_power(CHIRP.astype(np.float32), RATE), range_db=60), abs=1e-2
    )


def test_parseval() -> None:
    x = np.random.default_rng(1).normal(size=512)
    transform = spectra.stft(x, 512, 512, shape="boxcar", center=False)[0]
    both_sides = 2 * (np.abs(transform) ** 2).sum() - np.abs(transform[0]) ** 2 - np.abs(transform[-1]) ** 2
    assert both_sides / 512 == pytest.approx((x**2).sum())


def test_sine_peaks_at_its_frequency() -> None:
    for hz in (110, 220, 440):
        bins = spectra.power(np.sin(2 * np.pi * hz * np.arange(8000) / 8000), 4000, 4000, center=False)[0]
        assert bins.argmax() * 2 == hz


def test_short_and_empty_sounds() -> None:
    assert spectra.frames([1.0, 2.0], 4, 2).tolist() == [[1, 2, 0, 0]]
    assert spectra.log_mel(np.zeros(10), RATE).shape == (1, 80)
    assert spectra.stft(np.zeros(10), 64, 16, pad="reflect").shape[1] == 33
    assert spectra.regression_deltas(np.zeros((0, 3))).shape == (0, 3)


def test_a_slope_is_its_own_delta() -> None:
    assert spectra.regression_deltas(np.arange(9.0)[:, None])[2:-2, 0] == pytest.approx(np.ones(5))


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: spectra.frames([1.0], 0, 1), "at least 1"),
        (lambda: spectra.signal(np.zeros((3, 2))), "one channel"),
        (lambda: spectra.stft(CHIRP, 64, 16, length=100), "window of 100"),
        (lambda: spectra.hz_to_mel(1, "bark"), "bark"),
        (lambda: spectra.mel_to_hz(1, "bark"), "bark"),
        (lambda: spectra.mel_filters(RATE, 512, 40, 0.0, 9000.0), "9000"),
        (lambda: spectra.mel_filters(RATE, 512, 40, norm="l2"), "l2"),
        (lambda: spectra.cepstrum(np.zeros((2, 8)), 9), "9 cepstral"),
        (lambda: spectra.mfcc(CHIRP, RATE, style="kaldi"), "kaldi"),
    ],
)
def test_errors_say_what_to_do(call, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=word):
        call()


def test_nan_is_named() -> None:
    with pytest.raises(DataError, match="sample 2") as caught:
        spectra.signal([0.0, 0.0, np.nan])
    assert caught.value.code == "N01"
