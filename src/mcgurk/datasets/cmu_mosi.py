"""CMU-MOSI: people speaking their opinion of a film to a camera, utterance by utterance."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.column import Dense, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._root import data_folder, read_rows
from mcgurk.errors import DataError, UnknownName

SPLITS = ("train", "test")
LEAKY = ("text", "video")


def load_cmu_mosi(
    root: str | os.PathLike[str] | None = None, *, rows: str = "utterance", leaky: bool = False
) -> tuple[Dataset, np.ndarray | Ragged, dict[str, Any]]:
    """Is the speaker for or against? Words and 73 sound features of 2,199 utterances in 93 videos.

    When not to use it: to show that sound helps; these 73 features carry next to nothing (accuracy .549 on test, chance inside train).
    Positives are 49 % of train and 62 % of test, so the majority of train is a poor yardstick on test.

    Args:
        root: folder that holds cmu_mosi/ (or is it); None is MCGURK_DATA.
        rows: "utterance", or "video": sequences in spoken order with a label for every step.
        leaky: also the given text and video features. They were fitted on the training labels: inside train they look nearly perfect (text
            .982), on test they are ordinary (.757). Only to demonstrate such a leak.

    Shapes:
        rows="utterance": ``words`` text, ``sound`` (n, 73), y (n,) 0 or 1; X.rows: ``group`` (the video), ``split``, ``step``.
        rows="video": ``words`` tuples of texts, ``sound`` Ragged (T, 73), y a Ragged of T labels; X.rows: ``group``, ``split``.
        With leaky also ``text_leaky`` and ``video_leaky``, 100 features each.

    Raises:
        UnknownName: another ``rows``.
        DataError: F02 when the files are not there; L01 when feature files and transcripts disagree on a label.

    Source: Zadeh, Zellers, Pincus, Morency 2016, MOSI (arXiv:1606.06259); features of Poria et al. 2017, Context-dependent sentiment
        analysis in user-generated videos, ACL.
    """
    import pandas as pd

    if rows not in ("utterance", "video"):
        raise UnknownName(f"rows={rows!r}; expected 'utterance' or 'video'")
    needs = ["transcripts.csv", *(f"text_{s}.csv" for s in SPLITS), *(f"audio/audio_{s}0.csv" for s in SPLITS)]
    folder = data_folder(root, "cmu_mosi", needs + [f"{k}/{k}_{s}0.csv" for k in LEAKY for s in SPLITS if leaky])
    transcripts = read_rows(folder / "transcripts.csv")
    numbers = np.concatenate([_matrix(folder / f"text_{s}.csv")[:, 0].astype(np.int64) for s in SPLITS])
    sound = np.concatenate([_matrix(folder / "audio" / f"audio_{s}0.csv") for s in SPLITS])
    split = np.repeat(SPLITS, [len(_matrix(folder / f"text_{s}.csv")) for s in SPLITS])
    ids = np.array([transcripts[i][0] for i in numbers])
    y = np.array([int(transcripts[i][3]) for i in numbers])
    if len(sound) != len(y) or (sound[:, -1] != y).any():
        raise DataError(f"{folder}: audio and transcripts disagree on the labels of the utterances; fetch the files again", code="L01")
    features = {"sound": sound[:, :-1]}
    if leaky:
        features |= {f"{k}_leaky": np.concatenate([_matrix(folder / k / f"{k}_{s}0.csv")[:, :-1] for s in SPLITS]) for k in LEAKY}
    video = np.array([i.rpartition("_")[0] for i in ids])
    spoken = np.array([int(i.rpartition("_")[2]) for i in ids])
    order = np.lexsort((spoken, video, split != "train"))
    words = [transcripts[i][1] for i in numbers[order]]
    features = {name: values[order] for name, values in features.items()}
    ids, y, video, split, spoken = ids[order], y[order], video[order], split[order], spoken[order]
    facts = {"name": "cmu_mosi", "videos": len(set(video)), "licence": "research only"}
    starts = np.flatnonzero(np.r_[True, video[1:] != video[:-1]])
    offsets = np.r_[starts, len(y)]
    if rows == "utterance":
        step = np.arange(len(y)) - np.repeat(starts, np.diff(offsets))
        frame = pd.DataFrame({"group": video, "split": split, "step": step})
        return Dataset({"words": Lazy(words), **{k: Dense(v) for k, v in features.items()}}, ids=ids, rows=frame), y, facts
    sequences = Lazy([tuple(words[a:b]) for a, b in pairwise(offsets)])
    frame = pd.DataFrame({"group": video[starts], "split": split[starts]})
    columns: dict[str, Any] = {"words": sequences, **{k: Ragged(v, offsets, kind="vector") for k, v in features.items()}}
    return Dataset(columns, ids=video[starts], rows=frame), Ragged(y, offsets), facts


def _matrix(path: Path) -> np.ndarray:
    return np.array([[float(cell) for cell in line] for line in read_rows(path) if line], dtype=np.float64)
