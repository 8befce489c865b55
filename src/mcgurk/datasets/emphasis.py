"""Planted truth: in half of the segments of a recording one word is made louder and higher."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.data.timeline import IntervalTrack
from mcgurk.errors import DataError
from mcgurk.seeding import generator

EDGE = 0.005  # seconds over which the made word fades into the recorded one


def plant_emphasis(
    samples: np.ndarray,
    rate: int,
    words: tuple[Any, Any],
    *,
    width: float = 2.0,
    gain: float = 6.0,
    pitch: float = 1.12,
    seed: int = 0,
) -> tuple[np.ndarray, IntervalTrack]:
    """A recording in which, segment by segment, a fair coin decides whether one of its words is emphasised.

    Of each segment [k width, (k + 1) width) one word that lies wholly inside is drawn; segments without such a word hold nothing. An
    emphasised word is played ``pitch`` times as fast, so that its fundamental rises by that factor and it lasts as much shorter, stands in
    the middle of its span and is ``gain`` decibels louder; the clock stays as it was. People emphasise by lengthening, too, and with the
    face: nothing of that is here.

    When not to use it: to learn what emphasis sounds like; the label is a property of this function, and stands in the sound alone.

    Args:
        samples: (n,) of one recording.
        rate: samples a second.
        words: (starts, ends) in seconds.
        width: seconds of a segment.
        gain: decibels.
        pitch: factor of the fundamental, above 1.
        seed: of coins and words.

    Shapes: (n,) -> (n,) float32, and an IntervalTrack of the drawn words, one a segment, labelled "emphasis" or "plain".

    Raises:
        DataError: ``pitch`` below 1, or a width that is not above 0.

    Example:
        >>> import numpy as np
        >>> tone = np.sin(np.arange(64000) * 0.1)
        >>> sound, drawn = plant_emphasis(tone, 16000, ([0.5, 2.5], [0.8, 2.9]))
        >>> len(sound), drawn.start.tolist(), set(drawn.label) <= {"emphasis", "plain"}
        (64000, [0.5, 2.5], True)
    """
    if pitch < 1 or not width > 0:
        raise DataError(f"pitch={pitch} and width={width} were given; expected a factor of at least 1 and seconds above 0")
    start, end = (np.asarray(bound, dtype=np.float64) for bound in words)
    rng = generator(seed, "emphasis")
    out = np.array(samples, dtype=np.float32)
    drawn, labels = [], []
    for k in range(int(len(samples) / rate / width)):
        inside = np.flatnonzero((start >= k * width) & (end <= (k + 1) * width))
        if not len(inside):
            continue
        word, on = int(rng.choice(inside)), bool(rng.random() < 0.5)
        drawn.append(word)
        labels.append("emphasis" if on else "plain")
        if on:
            _emphasise(out, round(start[word] * rate), round(end[word] * rate), rate, 10 ** (gain / 20), pitch)
    return out, IntervalTrack(start[drawn], end[drawn], labels)


def _emphasise(samples: np.ndarray, first: int, last: int, rate: int, factor: float, pitch: float) -> None:
    """In place."""
    import soxr

    word = soxr.resample(samples[first:last], rate * pitch, rate)[: last - first]
    at = first + (last - first - len(word)) // 2
    ramp = np.minimum(1.0, (np.minimum(np.arange(len(word)), np.arange(len(word))[::-1]) + 1) / max(EDGE * rate, 1))
    under = samples[at : at + len(word)]
    samples[at : at + len(word)] = under * (1 - ramp) + factor * word * ramp
