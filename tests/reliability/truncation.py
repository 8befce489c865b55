"""A2: files cut anywhere between 20 and 95 per cent must be reported, by an error or by ``complete=False``."""

from __future__ import annotations

import warnings

import media_factory
import numpy as np

from mcgurk.data.audio import read_audio
from mcgurk.data.video import read_video
from mcgurk.errors import MediaError

NAMES = ("mp4", "webm", "mkv", "avi", "wav", "mp3", "flac", "ogg")


def silent(name: str, count: int, first: int = 0) -> list[str]:
    """The cuts of one seed file that were read without a word, as ``name at share``."""
    data, found = media_factory.seed(name), []
    shares = np.random.default_rng([first, *name.encode()]).uniform(0.2, 0.95, count)
    for k, share in enumerate(shares):
        part = data[: int(len(data) * share)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if name in media_factory.VIDEOS:
                    complete = read_video(part, **({"n_frames": 8} if k % 2 else {})).complete
                else:
                    complete = read_audio(part).complete
            except MediaError:
                continue
        if complete:
            found.append(f"{name} at {share:.4f}")
    return found
