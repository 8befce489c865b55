"""Voice activity: where somebody speaks, as a feature of a sound and as segments."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.encoders import _frozen, assets
from mcgurk.encoders.sounds import SoundEncoder, Steps
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.functional.spectra import signal

RATE = 16000
FRAME = 512
NAMES = ("mean_probability", "speech_share", "segments_per_second", "mean_segment_seconds", "first_speech_second", "log_seconds")
_CONTEXT = 64
_BLOCK = 2048  # frames a pass: a minute of sound
_METHODS = ("auto", "silero", "energy")


class VoiceActivity(SoundEncoder):
    """The probability of speech in every 32 ms of a sound, or what its segments of speech say about it.

    "silero" is a small recurrent network over the frame's spectrum; "energy" says logistic((level - threshold) / 2 dB), the threshold half
    way between the 10 % and the 95 % quantile of the sound's level and at least 6 dB above the lower one: it takes any loud sound
    for speech and needs pauses to find it. "auto" takes silero where its weights are installed and says so in one line where not.

    When not to use it: "energy" on music, street noise or a sound without pauses.

    Args:
        method: "auto", "silero" or "energy".
        threshold: probability from which a frame is speech (for the vector).
        sequence: the probabilities (T, 1), timed at the middles of the frames, instead of the vector.

    Shapes: sounds -> Dense (n, 6) in the order of :data:`NAMES`, or Ragged (T, 1), T = ceil(samples / 512) at 16 kHz; nothing for a sound
    without samples (zeros in the vector).

    Raises:
        MissingPackage: P01, "silero" without its weights.

    Source: Silero team, Silero VAD: pre-trained enterprise-grade voice activity detector, version 6, 2025.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> burst = np.r_[np.zeros(16000), np.sin(np.arange(16000)), np.zeros(16000)]
        >>> out = VoiceActivity("energy", sequence=True).prepare(Ragged.of([burst], kind="audio"))
        >>> (out.values[:, 0] > 0.5).mean().round(2).item()
        0.34
    """

    assets = ("silero",)
    rate = RATE

    def __init__(self, method: str = "auto", threshold: float = 0.5, sequence: bool = False) -> None:
        super().__init__()
        self.method = method
        self.threshold = threshold
        self.sequence = sequence

    @property
    def width(self) -> int:
        return 1 if self.sequence else len(NAMES)

    def weights_hash(self) -> str:
        return assets.weights_hash("silero") if resolve(self.method) == "silero" else "energy"

    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        chance = probabilities(samples, self.method)
        if self.sequence:
            return chance[:, None], (np.arange(len(chance)) + 0.5) * FRAME / RATE
        if not len(chance):
            return np.zeros(len(NAMES))
        seconds = len(samples) / RATE
        found = segments(chance, seconds, threshold=self.threshold)
        length = float(np.diff(found, axis=1).sum())
        first = found[0, 0] if len(found) else seconds
        mean = length / len(found) if len(found) else 0.0
        return np.array([chance.mean(), length / seconds, len(found) / seconds, mean, first, np.log(seconds)])


def resolve(method: str) -> str:
    """ "silero" or "energy"; a fall-back is announced in one line, once a process (warning P02)."""
    if method not in _METHODS:
        raise DataError(f"method {method!r}; expected one of {', '.join(_METHODS)}")
    if method != "auto":
        return method
    if assets.installed("silero"):
        return "silero"
    _announce()
    return "energy"


@cache
def _announce() -> None:
    text = "speech is found by energy, because the weights 'silero' are not installed; better: mcgurk assets install silero"
    warnings.warn(McgurkWarning(text, code="P02"), stacklevel=4)


def probabilities(samples: Any, method: str = "auto") -> np.ndarray:
    """Probability of speech in every 32 ms of a sound at 16 kHz, (n,) -> (ceil(n / 512),) float64."""
    x = signal(samples)
    if not len(x):
        return np.zeros(0)
    rule = _silero if resolve(method) == "silero" else _energy
    return rule(np.pad(x, (0, -len(x) % FRAME)))


def speech_segments(
    samples: Any,
    rate: int,
    *,
    method: str = "auto",
    threshold: float = 0.5,
    min_speech: float = 0.25,
    min_silence: float = 0.1,
    pad: float = 0.03,
) -> np.ndarray:
    """Where somebody speaks, (k, 2) start and end in seconds.

    Speech begins at a frame of at least ``threshold`` and ends when the probability stays below ``threshold`` - 0.15 for ``min_silence``
    seconds; pieces shorter than ``min_speech`` are left out; the rest is widened by ``pad`` on both sides, never into its neighbour.

    Args:
        samples: one channel.
        rate: samples a second; anything but 16,000 is resampled.
        method: "auto", "silero" or "energy", see :class:`VoiceActivity`.

    Raises:
        DataError: D00, more than one channel; N01, NaN or inf.

    Example:
        >>> sound = np.r_[np.zeros(16000), np.sin(np.arange(16000)), np.zeros(16000)]
        >>> speech_segments(sound, 16000, method="energy").round(1).tolist()
        [[1.0, 2.0]]
    """
    x = signal(samples)
    if rate != RATE and len(x):
        import soxr

        x = soxr.resample(x, rate, RATE)
    chance = probabilities(x, method)
    return segments(chance, len(x) / RATE, threshold=threshold, min_speech=min_speech, min_silence=min_silence, pad=pad)


def segments(
    chance: np.ndarray, seconds: float, *, threshold: float = 0.5, min_speech: float = 0.25, min_silence: float = 0.1, pad: float = 0.03
) -> np.ndarray:
    """:func:`speech_segments` of frame probabilities."""
    step, low = FRAME / RATE, threshold - 0.15
    found: list[list[float]] = []
    start, quiet = -1, -1
    for t, p in enumerate(chance):
        if p >= threshold:
            start, quiet = (t if start < 0 else start), -1
        elif start >= 0 and p < low:
            quiet = t if quiet < 0 else quiet
            if (t + 1 - quiet) * step >= min_silence:
                found.append([start * step, quiet * step])
                start, quiet = -1, -1
    if start >= 0:
        found.append([start * step, min((quiet if quiet >= 0 else len(chance)) * step, seconds)])
    out = np.array([piece for piece in found if piece[1] - piece[0] >= min_speech]).reshape(-1, 2)
    if len(out):
        gap = np.concatenate([[out[0, 0]], out[1:, 0] - out[:-1, 1], [seconds - out[-1, 1]]])
        room = np.minimum(pad, np.maximum(np.r_[gap[0], gap[1:-1] / 2, gap[-1]], 0.0))
        out = np.stack([out[:, 0] - room[:-1], out[:, 1] + room[1:]], axis=1)
    return out


def _energy(x: np.ndarray) -> np.ndarray:
    level = 10 * np.log10((x.reshape(-1, FRAME).astype(np.float64) ** 2).mean(axis=1) + 1e-9)
    floor, top = np.quantile(level, [0.1, 0.95])
    return 1 / (1 + np.exp(-np.clip((level - (floor + max((top - floor) / 2, 6.0))) / 2, -50, 50)))


def _silero(x: np.ndarray) -> np.ndarray:
    folder = assets.path("silero")
    network = _frozen.network(folder, lambda: _load(folder))
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(x, (_CONTEXT, 0)).astype(np.float32), FRAME + _CONTEXT)[::FRAME]
    parts, state = [], None
    with torch.inference_mode():
        for start in range(0, len(rows), _BLOCK):
            chance, state = network(torch.from_numpy(rows[start : start + _BLOCK].copy()).to(_frozen.device()), state)
            parts.append(chance.cpu().numpy())
    return np.concatenate(parts).astype(np.float64)


class Silero(nn.Module):
    """Short spectra, four convolutions, one recurrent cell along the frames, a logistic unit.

    Shapes: (T, 576), each frame with the 64 samples before it, and the cell's state -> (T,), state.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1, self.conv2 = nn.Conv1d(129, 128, 3, padding=1), nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3, self.conv4 = nn.Conv1d(64, 64, 3, stride=2, padding=1), nn.Conv1d(64, 128, 3, padding=1)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, rows: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        real, imaginary = self.stft_conv(F.pad(rows[:, None], (0, _CONTEXT), mode="reflect")).chunk(2, dim=1)
        x = (real**2 + imaginary**2).sqrt()
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = F.relu(layer(x))
        hidden, state = self.lstm(x[None, :, :, 0], state)
        return torch.sigmoid(self.final_conv(F.relu(hidden[0])[:, :, None]))[:, 0, 0], state


def _load(folder: Path) -> Silero:
    from safetensors.torch import load_file

    network = Silero()
    weights = load_file(folder / "model.safetensors")
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        weights[f"lstm.{name}_l0"] = weights.pop(f"lstm_cell.{name}")
    network.load_state_dict(weights)
    return network
