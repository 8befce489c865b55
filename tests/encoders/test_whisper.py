"""Whisper's encoder: its input, its arithmetic on made-up weights, and real weights where they are installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from mcgurk.data.column import Ragged
from mcgurk.encoders import _frozen, assets, whisper
from mcgurk.errors import DataError

TONE = (0.3 * np.sin(2 * np.pi * 300 * np.arange(32000) / 16000)).astype(np.float32)


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Random weights under the packaged names."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"conv1/weight": (384, 80, 3), "conv1/bias": (384,), "conv2/weight": (384, 384, 3), "conv2/bias": (384,)}
    shapes |= {"position_encodings/encodings": (1500, 384), "layer_norm/gamma": (384,), "layer_norm/beta": (384,)}
    for i in range(4):
        at = f"layer_{i}"
        shapes |= {f"{at}/{part}/layer_norm/{which}": (384,) for part in ("ffn", "self_attention") for which in ("gamma", "beta")}
        shapes |= {f"{at}/ffn/linear_0/weight": (1536, 384), f"{at}/ffn/linear_0/bias": (1536,)}
        shapes |= {f"{at}/ffn/linear_1/weight": (384, 1536), f"{at}/ffn/linear_1/bias": (384,)}
        shapes |= {f"{at}/self_attention/linear_0/weight": (1152, 384), f"{at}/self_attention/linear_0/bias": (1152,)}
        shapes |= {f"{at}/self_attention/linear_1/weight": (384, 384), f"{at}/self_attention/linear_1/bias": (384,)}
    weights = {f"encoder/{name}": 0.05 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    save_file({name: w.half() for name, w in weights.items()}, tmp_path / "model.safetensors")
    monkeypatch.setattr(assets, "path", lambda name: tmp_path)
    monkeypatch.setattr(_frozen, "_networks", {})
    return {name: w.half().float() for name, w in weights.items()}


def test_input_is_clamped_and_scaled() -> None:
    """log10, at most 8 below the largest, (L + 4) / 4: a range of at most 2; silence is log10(1e-10); one frame a hop."""
    mel = whisper.log_mel(TONE)
    assert mel.shape == (200, 80)
    assert mel.max() - mel.min() <= 2 + 1e-6
    silence = whisper.log_mel(np.zeros(3200, np.float32))
    assert silence == pytest.approx(np.full((20, 80), -1.5))


def test_arithmetic_by_hand(made_up: dict[str, torch.Tensor]) -> None:
    """The layers written out with explicit softmax attention."""
    w = {name.removeprefix("encoder/"): tensor for name, tensor in made_up.items()}
    x = torch.from_numpy(whisper.log_mel(TONE).T[None].astype(np.float32))
    x = F.gelu(F.conv1d(x, w["conv1/weight"], w["conv1/bias"], padding=1))
    x = F.gelu(F.conv1d(x, w["conv2/weight"], w["conv2/bias"], stride=2, padding=1))[0].T + w["position_encodings/encodings"][:100]
    for i in range(4):
        a = {name.removeprefix(f"layer_{i}/"): tensor for name, tensor in w.items() if name.startswith(f"layer_{i}/")}
        y = F.layer_norm(x, (384,), a["self_attention/layer_norm/gamma"], a["self_attention/layer_norm/beta"])
        triple = y @ a["self_attention/linear_0/weight"].T + a["self_attention/linear_0/bias"]
        q, k, v = (triple[:, j * 384 : (j + 1) * 384].reshape(100, 6, 64).transpose(0, 1) for j in range(3))
        heads = torch.softmax(q @ k.transpose(1, 2) / 8, dim=-1) @ v
        x = x + heads.transpose(0, 1).reshape(100, 384) @ a["self_attention/linear_1/weight"].T + a["self_attention/linear_1/bias"]
        y = F.layer_norm(x, (384,), a["ffn/layer_norm/gamma"], a["ffn/layer_norm/beta"])
        inner = F.gelu(y @ a["ffn/linear_0/weight"].T + a["ffn/linear_0/bias"])
        x = x + inner @ a["ffn/linear_1/weight"].T + a["ffn/linear_1/bias"]
    expected = F.layer_norm(x, (384,), w["layer_norm/gamma"], w["layer_norm/beta"]).numpy()
    assert whisper.hidden_states(TONE) == pytest.approx(expected, abs=1e-4)


def test_vectors_and_sequences(made_up: dict[str, torch.Tensor]) -> None:
    column = Ragged.of([TONE, None, np.zeros(0, np.float32), TONE[:100]], kind="audio")
    pooled = whisper.WhisperEncoder().prepare(column)
    assert pooled.values.shape == (4, 384) and not pooled.values[1:3].any() and pooled.present.tolist() == [True, False, True, True]
    assert pooled.values[0] == pytest.approx(whisper.hidden_states(TONE).mean(axis=0), abs=1e-6)
    steps = whisper.WhisperEncoder(tokens=True, stride=40).prepare(column)
    assert isinstance(steps, Ragged) and steps.lengths.tolist() == [3, 0, 0, 1]
    assert steps.times == pytest.approx([0.39, 1.19, 1.79, 0.0])
    states = whisper.hidden_states(TONE)
    assert steps.row(0)[2] == pytest.approx(states[80:].mean(axis=0), abs=1e-5)
    one = whisper.WhisperEncoder().prepare(Ragged.of([TONE], kind="audio")).values[0]
    assert np.array_equal(one, pooled.values[0])
    with pytest.raises(DataError, match="stride 0"):
        whisper.WhisperEncoder(stride=0).prepare(column)


def test_long_sounds_are_cut_into_equal_parts() -> None:
    parts = whisper._parts(np.zeros(61 * 16000 + 7))
    assert [len(p) // 320 for p in parts] == [1017, 1017, 1016] and sum(len(p) for p in parts) == 61 * 16000 + 7
    assert whisper._parts(np.zeros(0)) == []


def test_hash_names_the_weights() -> None:
    assert whisper.WhisperEncoder().weights_hash() == assets.weights_hash("whisper")


@pytest.mark.skipif(not assets.installed("whisper"), reason="the whisper weights are not installed")
def test_real_weights_give_ctranslate2s_numbers() -> None:
    """Known answer: one frame of a 300 Hz tone padded to 30 s, from CTranslate2 4.8.5 on the same input."""
    full = np.pad(TONE, (0, 480000 - len(TONE)))
    states = whisper.hidden_states(full)
    assert states.shape == (1500, 384)
    assert states[50, :4] == pytest.approx([1.1563720703125, 0.4463631212711334, -0.7315028309822083, 0.7602369785308838], abs=1e-3)
