"""Voice activity: segments by hand, energy on bursts, the network's arithmetic, and real weights where they are installed."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mcgurk.data.column import Ragged
from mcgurk.encoders import _frozen, assets, vad
from mcgurk.errors import DataError, McgurkWarning

STEP = vad.FRAME / vad.RATE


def bursts(*seconds: float) -> np.ndarray:
    """Silence, sound, silence, … of these lengths at 16 kHz."""
    parts = [np.sin(2 * np.pi * 300 * np.arange(int(16000 * s)) / 16000) * (i % 2) for i, s in enumerate(seconds)]
    return np.concatenate(parts) + 1e-4 * np.random.default_rng(0).normal(size=sum(len(p) for p in parts))


def chances(*runs: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full(count, value) for value, count in runs])


def test_segments_by_hand() -> None:
    chance = chances((0, 10), (0.9, 20), (0.4, 5), (0.9, 10), (0, 20), (0.9, 3), (0, 10), (0.9, 12))
    seconds = len(chance) * STEP
    found = vad.segments(chance, seconds, pad=0)
    assert found == pytest.approx(np.array([[10, 45], [78, 90]]) * STEP)  # 0.4 lies within the hysteresis; three frames are too short
    padded = vad.segments(chance, seconds, pad=0.03)
    assert padded[0] == pytest.approx([10 * STEP - 0.03, 45 * STEP + 0.03]) and padded[1, 1] == pytest.approx(seconds)
    near = vad.segments(chances((0.9, 10), (0, 4), (0.9, 10)), 24 * STEP, min_silence=0.1, pad=0.5)
    assert near == pytest.approx(np.array([[0, 12], [12, 24]]) * STEP)
    assert vad.segments(np.zeros(5), 5 * STEP).shape == (0, 2)
    assert vad.segments(chances((0.9, 10), (0, 1)), 10.5 * STEP, pad=0) == pytest.approx(np.array([[0, 10]]) * STEP)


def test_energy_finds_bursts_at_any_rate() -> None:
    sound = bursts(1, 1, 0.5, 0.7, 1)
    for samples, rate in ((sound, 16000), (sound[::2], 8000)):
        found = vad.speech_segments(samples, rate, method="energy")
        assert found == pytest.approx(np.array([[1, 2], [2.5, 3.2]]), abs=0.08)
    assert vad.speech_segments(np.zeros(0), 16000, method="energy").shape == (0, 2)
    assert vad.probabilities(1e-3 * np.random.default_rng(0).normal(size=16000), "energy").mean() < 0.2


def test_vector_and_sequence() -> None:
    column = Ragged.of([bursts(1, 1, 1), None, np.zeros(0), np.zeros(16000)], kind="audio")
    out = vad.VoiceActivity("energy").prepare(column)
    named = dict(zip(vad.NAMES, out.values[0].tolist(), strict=True))
    assert named["speech_share"] == pytest.approx(1 / 3, abs=0.04) and named["first_speech_second"] == pytest.approx(1, abs=0.06)
    assert named["segments_per_second"] == pytest.approx(1 / 3) and named["log_seconds"] == pytest.approx(np.log(3))
    assert not out.values[1:3].any() and out.values[3, 1] == 0
    steps = vad.VoiceActivity("energy", sequence=True).prepare(column)
    assert steps.lengths.tolist() == [94, 0, 0, 32] and steps.times[:2] == pytest.approx([0.016, 0.048])


def test_unknown_method() -> None:
    with pytest.raises(DataError, match="'webrtc'"):
        vad.resolve("webrtc")


def test_fall_back_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "installed", lambda name: False)
    vad._announce.cache_clear()
    with pytest.warns(McgurkWarning, match="assets install silero"):
        assert vad.VoiceActivity().weights_hash() == "energy"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert vad.resolve("auto") == "energy"
    monkeypatch.setattr(assets, "installed", lambda name: True)
    assert vad.resolve("auto") == "silero" and vad.VoiceActivity().weights_hash() == assets.weights_hash("silero")


def test_the_network_with_made_up_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packaged names load; the recurrent state is carried over blocks."""
    torch.manual_seed(0)
    weights = vad.Silero().state_dict()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        weights[f"lstm_cell.{name}"] = weights.pop(f"lstm.{name}_l0")
    save_file(weights, tmp_path / "model.safetensors")
    monkeypatch.setattr(assets, "path", lambda name: tmp_path)
    monkeypatch.setattr(_frozen, "_networks", {})
    sound = np.random.default_rng(0).normal(size=16000)
    whole = vad.probabilities(sound, "silero")
    assert whole.shape == (32,) and ((whole > 0) & (whole < 1)).all()
    monkeypatch.setattr(vad, "_BLOCK", 5)
    assert vad.probabilities(sound, "silero") == pytest.approx(whole, abs=1e-6)
    assert vad.probabilities(sound[:5120], "silero") == pytest.approx(whole[:10], abs=1e-6)


@pytest.mark.skipif(not assets.installed("silero"), reason="the silero weights are not installed")
def test_silence_and_noise_are_not_speech() -> None:
    noise = 0.1 * np.random.default_rng(0).normal(size=32000)
    assert vad.probabilities(np.zeros(32000), "silero").max() < 0.1 and vad.probabilities(noise, "silero").max() < 0.2


@pytest.mark.skipif(not assets.installed("silero"), reason="the silero weights are not installed")
def test_real_speech_is_found_where_it_was_annotated(data_root) -> None:  # type: ignore[no-untyped-def]
    """GRID: every sentence begins with the first and ends with the last annotated word, to 0.15 s."""
    import csv
    import zipfile

    from mcgurk.data.audio import read_audio

    folder = data_root("grid_s1")
    words: dict[str, list[tuple[float, float]]] = {}
    with open(folder / "word_alignments.csv", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for clip, start, end, word in rows:
            if word not in ("sil", "sp"):
                words.setdefault(clip, []).append((float(start), float(end)))
    with zipfile.ZipFile(folder / "audio_16k_ogg.zip") as archive:
        names = archive.namelist()[:20]
        sounds = {Path(n).stem: read_audio(archive.read(n)).samples for n in names}
    close = 0
    for clip, samples in sounds.items():
        found = vad.speech_segments(samples, 16000, method="silero")
        close += bool(len(found)) and abs(found[0, 0] - words[clip][0][0]) < 0.15 and abs(found[-1, 1] - words[clip][-1][1]) < 0.15
    assert close >= 16
