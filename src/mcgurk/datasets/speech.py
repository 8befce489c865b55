"""Nine short recordings of read English with their words: enough to try an audio encoder, too few to train one."""

from __future__ import annotations

import json

import numpy as np

from mcgurk.data.column import Lazy
from mcgurk.data.dataset import Dataset
from mcgurk.datasets import embedded


def load_speech() -> Dataset:
    """Five sentences of a novel and four names of playing cards, 16 kHz mono, with what was said.

    When not to use it: to measure recognition or to train; nine items give no interval worth the name. Words are transcribed as read,
    a stumble in the fourth sentence ("a more a amiable woman") included.

    Shapes:
        Nine rows; ``audio`` (FLAC bytes) and ``transcript`` (lower-case words); X.rows has ``speaker``, ``group`` (the same: a split by
        speaker), ``source`` and ``seconds``; X.ids are the file names.

    Source: test data of CMU PocketSphinx (BSD-2-Clause); the five sentences are LibriVox recordings in the public domain.

    Example:
        >>> from mcgurk.datasets import load_speech
        >>> X = load_speech()
        >>> X["transcript"].items[1]
        'he was not an ill disposed young man'
    """
    import pandas as pd

    index = json.loads(embedded.read("speech", "speech.json"))
    audio = Lazy([embedded.read("speech", entry["file"]) for entry in index], kind="audio")
    words = Lazy([entry["transcript"] for entry in index], kind="text")
    rows = pd.DataFrame(
        {
            "group": [e["speaker"] for e in index],
            "speaker": [e["speaker"] for e in index],
            "source": [e["source"] for e in index],
            "seconds": [e["seconds"] for e in index],
        }
    )
    return Dataset({"audio": audio, "transcript": words}, ids=np.array([e["file"].removesuffix(".flac") for e in index]), rows=rows)
