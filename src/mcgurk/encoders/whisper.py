"""The encoder of the packaged Whisper tiny.en, in plain torch."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.encoders import _frozen, assets
from mcgurk.encoders.sounds import SoundEncoder, Steps
from mcgurk.errors import DataError
from mcgurk.functional.spectra import mel_power

WIDTH, HEADS, LAYERS, INNER, POSITIONS, MELS = 384, 6, 4, 1536, 1500, 80
_HOP = 160  # samples between mel frames; the second convolution halves their number
_STEP = 2 * _HOP
_LONGEST = POSITIONS * _STEP  # 30 s
_SHORTEST = 10 * _STEP


class WhisperEncoder(SoundEncoder):
    """The mean over time of the last layer of Whisper's encoder, or the layer itself: what is said and how it sounds.

    The network was trained on windows filled up to 30 s; here a shorter sound is given as it is, unpadded, with the first positions of
    the table (the pooled vectors of 7 s clips have a cosine of .995 to the padded ones, at a sixth of the cost). A longer one is cut
    into equal parts of at most 30 s. A sound without samples gives zeros (no step).

    When not to use it: for loudness (every part is scaled to its loudest band) and, modestly, for noises and music, which it never had
    to tell apart; there "audio_stats" beside it helps. English speech only.

    Args:
        tokens: a sequence of vectors instead of their mean.
        stride: frames of 20 ms averaged to a step of the sequence (5: ten steps a second).

    Shapes: sounds -> Dense (n, 384) float32; with ``tokens`` Ragged (T, 384), T = ceil(seconds 50 / stride), timed at the middles of
    the steps.

    Raises:
        MissingPackage: P01, the weights are not installed.

    Source: A. Radford and others, Robust Speech Recognition via Large-Scale Weak Supervision, ICML 2023.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> from mcgurk.encoders import WhisperEncoder, assets
        >>> if assets.installed("whisper"):
        ...     tone = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000)
        ...     assert WhisperEncoder().prepare(Ragged.of([tone], kind="audio")).values.shape == (1, 384)
    """

    scaling = "block"
    assets = ("whisper",)
    rate = 16000

    def __init__(self, *, tokens: bool = False, stride: int = 5) -> None:
        super().__init__()
        self.tokens = tokens
        self.stride = stride

    @property
    def width(self) -> int:
        return WIDTH

    def weights_hash(self) -> str:
        return assets.weights_hash("whisper")

    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        if self.stride < 1:
            raise DataError(f"stride {self.stride} was given; expected at least one frame a step")
        states = np.concatenate([np.zeros((0, WIDTH), dtype=np.float32), *(hidden_states(part) for part in _parts(samples))])
        if not self.tokens:
            return states.mean(axis=0) if len(states) else np.zeros(WIDTH)
        starts = np.arange(0, len(states), self.stride)
        counts = np.minimum(starts + self.stride, len(states)) - starts
        steps = np.add.reduceat(states, starts, axis=0) / counts[:, None] if len(starts) else states
        return steps, (starts + (counts - 1) / 2) * _STEP / self.rate


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Whisper's input: log10 of 80 mel bands (25 ms every 10 ms), at most 8 below the largest, (L + 4) / 4. (n,) -> (n // 160, 80)."""
    power = mel_power(samples, WhisperEncoder.rate, n_mels=MELS, n_fft=400, length=400, hop=_HOP, pad="reflect")[: len(samples) // _HOP]
    logs = np.log10(np.maximum(power, 1e-10))
    return (np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0


def hidden_states(samples: np.ndarray) -> np.ndarray:
    """(T, 384) float32 of at most 30 s at 16 kHz, T = ceil(n / 320)."""
    count = -(-len(samples) // _STEP)
    filled = np.pad(samples.astype(np.float32), (0, max(_SHORTEST, count * _STEP) - len(samples)))
    folder = assets.path("whisper")
    network = _frozen.network(folder, lambda: load(folder))
    with torch.inference_mode():
        mel = torch.from_numpy(log_mel(filled).T[None].astype(np.float32)).to(_frozen.device())
        return network(mel)[0, :count].cpu().numpy().copy()


def _parts(samples: np.ndarray) -> list[np.ndarray]:
    """Equal parts of at most 30 s, cut between the network's frames."""
    frames = -(-len(samples) // _STEP)
    edges = np.linspace(0, frames, -(-frames // POSITIONS) + 1).round().astype(int) * _STEP
    return [samples[start:end] for start, end in pairwise(edges)]


class AudioTransformer(nn.Module):
    """Two convolutions over mel frames, fixed positions, pre-norm transformer layers, a last normalisation.

    Shapes: (B, 80, 2 T) -> (B, T, 384), T <= 1500.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MELS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(POSITIONS, WIDTH))
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, mel: Tensor) -> Tensor:
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Layer(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.triple, self.attended = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.triple(self.attention_norm(x)).chunk(3, dim=-1)
        )
        x = x + self.attended(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))
        return x + self.outer(F.gelu(self.inner(self.norm(x))))


def load(folder: Path) -> AudioTransformer:
    """The network with the packaged weights."""
    from safetensors.torch import load_file

    network = AudioTransformer()
    network.load_state_dict(renamed(load_file(folder / "model.safetensors")))
    return network


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's arrays under :class:`AudioTransformer`'s names (queries, keys and values are one matrix in both)."""
    plain = {"conv1": "conv1", "conv2": "conv2", "layer_norm": "norm"}
    for i in range(LAYERS):
        source, target = f"layer_{i}", f"layers.{i}"
        plain |= {
            f"{source}/self_attention/layer_norm": f"{target}.attention_norm",
            f"{source}/self_attention/linear_0": f"{target}.triple",
            f"{source}/self_attention/linear_1": f"{target}.attended",
            f"{source}/ffn/layer_norm": f"{target}.norm",
            f"{source}/ffn/linear_0": f"{target}.inner",
            f"{source}/ffn/linear_1": f"{target}.outer",
        }
    out = {"positions": weights["encoder/position_encodings/encodings"]}
    for source, target in plain.items():
        first, second = ("gamma", "beta") if source.endswith("norm") else ("weight", "bias")
        out[f"{target}.weight"], out[f"{target}.bias"] = weights[f"encoder/{source}/{first}"], weights[f"encoder/{source}/{second}"]
    return {name: tensor.float() for name, tensor in out.items()}
