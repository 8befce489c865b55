"""GRID, speaker s1: a thousand sentences of six words from a fixed grammar, said to a camera."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Any

import numpy as np

from mcgurk.data.column import Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._additive import noisy
from mcgurk.datasets._root import data_folder, read_table, zip_members
from mcgurk.errors import UnknownName

WORDS = ("command", "colour", "preposition", "letter", "digit", "adverb")
PARTS = ("mouth_0000_0249.npz", "mouth_0250_0499.npz")
FRAMES_PER_S = 25.0
RATE = 16000
Said = dict[str, list[tuple[str, float, float]]]


def load_grid(
    root: str | os.PathLike[str] | None = None,
    *,
    target: str = "digit",
    mouth_only: bool = True,
    snr: float | None = None,
    noise: str = "white",
    seed: int = 0,
) -> tuple[Dataset, np.ndarray, dict[str, Any]]:
    """Which word was said, from the pictures of the mouth and from the sound ("bin blue at f two now").

    The columns are whole clips: encode them, then :func:`mcgurk.data.cut` the word at ``X.rows["start"]`` and ``X.rows["end"]``.

    When not to use it: to speak of lip reading in general; it is one speaker in one session, and there is no standard split.

    Args:
        root: folder that holds grid_s1/ (or is it); None is MCGURK_DATA.
        target: one of "command", "colour", "preposition", "letter", "digit", "adverb".
        mouth_only: only clips 0 to 499, for which there are pictures; else all 1,000, the mouth absent in the second half.
        snr: decibels of the spoken words over added noise; None leaves the sound as it was recorded. A clip's noise at a level is drawn
            once, whatever the target and the folds.
        noise: "white", or "babble" of six clips without pictures (the same speaker's voice).
        seed: of the noise.

    Shapes:
        X: ``mouth`` Ragged uint8 (T, 32, 48) at 25 frames a second with times (75 frames; 74 in clip 363), ``sound`` (Ogg bytes, 16 kHz
        mono; with ``snr`` Ragged float32 samples at 16 kHz), both of the whole clip; X.rows: ``start``, ``end`` (seconds of the target
        word), ``sentence``; X.ids: clip names. y: (n,) words. The third value's "words": clip -> (word, start, end) of each of its six.

    Raises:
        UnknownName: another target or noise.
        DataError: F02 when the files are not there.

    Source: Cooke, Barker, Cunningham, Shao 2006, An audio-visual corpus for speech perception, JASA 120:2421-2424 (CC-BY-4.0).
    """
    import pandas as pd

    if target not in WORDS:
        raise UnknownName(f"target {target!r} is not known; expected one of {', '.join(WORDS)}")
    folder = data_folder(root, "grid_s1", ("word_alignments.csv", "audio_16k_ogg.zip", *PARTS))
    said: Said = defaultdict(list)
    for line in read_table(folder / "word_alignments.csv"):
        if line["word"] not in ("sil", "sp"):
            said[line["clip"]].append((line["word"], float(line["start_s"]), float(line["end_s"])))
    mouths: dict[str, np.ndarray] = {}
    for part in PARTS:
        with np.load(folder / part, allow_pickle=False) as arrays:
            mouths |= {str(name): clip[:frames] for name, clip, frames in zip(arrays["names"], arrays["mouth"], arrays["n_frames"])}
    clips = [clip for clip in said if clip in mouths or not mouth_only]
    target_words = [said[clip][WORDS.index(target)] for clip in clips]
    pictures = [mouths.get(clip) for clip in clips]
    times = [None if p is None else np.arange(len(p)) / FRAMES_PER_S for p in pictures]
    recorded = zip_members(folder / "audio_16k_ogg.zip", [f"{clip}.ogg" for clip in clips])
    sound: Any = Lazy(recorded, kind="audio")
    if snr is not None:
        others = [clip for clip in said if clip not in mouths]
        voices = zip_members(folder / "audio_16k_ogg.zip", [f"{clip}.ogg" for clip in others]) if noise == "babble" else []
        spoken = [(round(said[clip][0][1] * RATE), round(said[clip][-1][2] * RATE)) for clip in clips]
        made = noisy(_decoded(recorded), spoken, clips, snr=snr, kind=noise, seed=seed, talkers=_decoded(voices))
        sound = Ragged.of(made, kind="audio")
    columns: dict[str, Any] = {"mouth": Ragged.of(pictures, kind="video", times=times), "sound": sound}
    rows = pd.DataFrame(
        {
            "start": [start for _, start, _ in target_words],
            "end": [end for _, _, end in target_words],
            "sentence": [" ".join(word for word, _, _ in said[clip]) for clip in clips],
        }
    )
    facts = {
        "name": "grid",
        "clips": len(clips),
        "words": {clip: said[clip] for clip in clips},
        "snr": snr,
        "noise": None if snr is None else noise,
        "licence": "CC-BY-4.0",
    }
    return Dataset(columns, ids=np.array(clips), rows=rows), np.array([word for word, _, _ in target_words]), facts


def _decoded(files: list[bytes | None]) -> list[np.ndarray]:
    from mcgurk.data.audio import read_audio

    return [read_audio(file, rate=RATE).samples for file in files if file is not None]
