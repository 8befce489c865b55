"""Sounds to vectors and windows of the classic features."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.base import clone

from mcgurk.data.column import Dense, Lazy, Ragged
from mcgurk.encoders.audio_stats import AudioStats
from mcgurk.errors import DataError

RATE = 16000


def tone(hz: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def test_files_bytes_and_arrays_agree(tmp_path: Path) -> None:
    sound = tone(440).astype(np.float32)
    (tmp_path / "a.wav").write_bytes(wav(sound))
    files = Lazy([tmp_path / "a.wav", wav(sound), str(tmp_path / "a.wav")], kind="audio")
    from_files = AudioStats().prepare(files).values
    from_array = AudioStats().prepare(Ragged.of([sound], kind="audio")).values
    assert from_files.shape == (3, 136) and from_files.dtype == np.float32
    for row in from_files:
        assert row == pytest.approx(from_array[0])


def test_absent_rows_are_not_looked_at() -> None:
    column = Lazy([None, wav(tone(440)), "no such file"], np.array([False, True, False]), "audio")
    out = AudioStats().prepare(column)
    assert out.present.tolist() == [False, True, False] and not out.values[[0, 2]].any() and out.values[1].any()
    none = AudioStats().prepare(Lazy([None, None], kind="audio"))
    assert none.values.shape == (2, 136) and not none.present.any()
    none = AudioStats(sequence=True).prepare(Lazy([None, None], kind="audio"))
    assert none.lengths.tolist() == [0, 0] and none.item == (136,)


def test_an_item_does_not_depend_on_its_neighbours() -> None:
    sounds = [tone(440), tone(220, 2.3), np.random.default_rng(0).normal(size=9000)]
    together = AudioStats().prepare(Ragged.of(sounds, kind="audio")).values
    for i, sound in enumerate(sounds):
        assert np.array_equal(AudioStats().prepare(Ragged.of([sound], kind="audio")).values[0], together[i])


def test_sequence_of_windows_and_its_mean() -> None:
    sound = np.concatenate([tone(440, 1.0), tone(880, 1.5)])
    column = Ragged.of([sound], kind="audio")
    steps = AudioStats(sequence=True, normalise=False).prepare(column)
    assert isinstance(steps, Ragged) and steps.lengths.tolist() == [3]
    assert steps.times == pytest.approx([0.5125, 1.5125, 2.25], abs=0.02)
    pooled = AudioStats(normalise=False).prepare(column).values[0]
    assert pooled == pytest.approx(np.average(steps.values, axis=0, weights=[40, 40, 19]), abs=1e-5)
    place = AudioStats().names.index("zero_crossing_rate_mean")
    assert steps.values[2, place] == pytest.approx(2 * steps.values[0, place], rel=0.05)


def test_empty_is_zero_and_silence_is_not_absent() -> None:
    out = AudioStats().prepare(Ragged.of([np.zeros(0), np.zeros(RATE), tone(440)], kind="audio"))
    assert out.present.all() and not out.values[0].any() and np.isfinite(out.values).all()


def test_several_sounds_a_cell() -> None:
    a, b = wav(tone(440)), wav(tone(220))
    out = AudioStats().prepare(Lazy([(a, b), (a,), None], kind="audio"))
    assert isinstance(out, Ragged) and out.lengths.tolist() == [2, 1, 0] and out.present.tolist() == [True, True, False]
    assert np.array_equal(out.values[0], out.values[2])


def test_rate_of_arrays_comes_from_their_times() -> None:
    low = tone(440, rate=8000)
    out = AudioStats().prepare(Ragged(low[:, None], [0, len(low)], times=np.arange(len(low)) / 8000, kind="audio")).values[0]
    whole = AudioStats().prepare(Ragged.of([tone(440)], kind="audio")).values[0]
    place = AudioStats().names.index("spectral_centroid_mean")
    assert out[place] == pytest.approx(whole[place], abs=0.005)
    timed = Ragged(tone(440), [0, RATE], times=np.arange(RATE) / RATE, kind="audio")
    assert np.array_equal(AudioStats().prepare(timed).values[0], whole)


def test_integers_and_channels() -> None:
    sound = tone(440)
    integers = np.round(sound * 32767).astype(np.int16)
    stereo = Dense(np.stack([sound, sound], axis=1)[None], kind="audio")
    whole = AudioStats(normalise=False).prepare(Dense(sound[None], kind="audio")).values
    assert AudioStats(normalise=False).prepare(stereo).values == pytest.approx(whole)
    place = AudioStats().names.index("energy_mean")
    assert AudioStats(normalise=False).prepare(Dense(integers[None], kind="audio")).values[0, place] == pytest.approx(
        whole[0, place], rel=1e-3
    )


@pytest.mark.parametrize(
    ("values", "word"),
    [(np.array([0.0, np.nan]), "sample 1 of row 0"), (np.zeros((4, 2, 2)), "samples of shape"), (np.zeros(4, np.uint8), "uint8")],
)
def test_errors_name_the_row(values: np.ndarray, word: str) -> None:
    with pytest.raises(DataError, match=word):
        AudioStats().prepare(Ragged(values, [0, len(values)], kind="audio"))


def test_names_and_clone() -> None:
    encoder = AudioStats(mid_window=2.0)
    assert len(encoder.names) == encoder.width == 136 and encoder.names[34] == "zero_crossing_rate_sd"
    assert clone(encoder).get_params() == encoder.get_params()
