"""Noise added to recorded sounds at a stated level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcgurk.errors import DataError, UnknownName
from mcgurk.seeding import generator

KINDS = ("white", "babble")
TALKERS = 6


def noisy(
    sounds: Sequence[np.ndarray],
    spoken: Sequence[tuple[int, int]],
    names: Sequence[str],
    *,
    snr: float,
    kind: str = "white",
    seed: int = 0,
    talkers: Sequence[np.ndarray] = (),
) -> list[np.ndarray]:
    """Every sound with noise of its own, drawn once from (seed, kind, name, snr): the same sound has the same noise in every fold.

    ``x + n sqrt(P_x / (P_n 10^(snr / 10)))``, both powers over the samples ``spoken``, so that silence around the words does not make the
    noise weaker.

    Args:
        sounds: samples of each, (n_i,).
        spoken: first and one-past-last sample of the words in each.
        names: of each.
        snr: decibels.
        kind: "white", or "babble": the sum of six other recordings, each turned round to start at a random place.
        seed: of all draws.
        talkers: recordings babble is made of; none of ``sounds`` should be among them.

    Raises:
        UnknownName: another kind.
        DataError: S01, babble without talkers.
    """
    if kind not in KINDS:
        raise UnknownName(f"noise {kind!r} is not known; expected one of {', '.join(KINDS)}")
    if kind == "babble" and len(talkers) < TALKERS:
        raise DataError(f"babble is made of {TALKERS} other recordings; {len(talkers)} were given", code="S01")
    out = []
    for sound, (first, last), name in zip(sounds, spoken, names, strict=True):
        rng = generator(seed, "noise", kind, name, float(snr))
        noise = rng.standard_normal(len(sound)) if kind == "white" else _babble(talkers, len(sound), rng)
        level = _power(sound[first:last]) / (max(_power(noise[first:last]), 1e-20) * 10 ** (snr / 10))
        out.append((sound + noise * np.sqrt(level)).astype(np.float32))
    return out


def _babble(talkers: Sequence[np.ndarray], length: int, rng: np.random.Generator) -> np.ndarray:
    total = np.zeros(length)
    for who in rng.choice(len(talkers), TALKERS, replace=False):
        voice = np.resize(np.roll(talkers[who], int(rng.integers(len(talkers[who])))), length).astype(np.float64)
        total += voice / max(np.sqrt(_power(voice)), 1e-10)
    return total


def _power(samples: np.ndarray) -> float:
    return float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
