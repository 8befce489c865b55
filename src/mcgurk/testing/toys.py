"""Small data for the conformance suite: every kind of column, with absences, holes and a label that depends on all of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Field, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.seeding import generator


def vectors(n: int = 48, *, absent: bool = True, seed: int = 0) -> Dataset:
    """Three vector columns of 3, 2 and 4 numbers; about one in six cells absent, no row without any."""
    rng = generator(seed, "vectors")
    columns: dict[str, Column] = {}
    gone = rng.random((n, 3)) < (1 / 6 if absent else 0)
    gone[gone.all(axis=1)] = False
    for m, (name, width) in enumerate((("a", 3), ("b", 2), ("c", 4))):
        columns[name] = Dense(rng.normal(size=(n, width)), ~gone[:, m], "vector")
    return Dataset(columns)


def sequences(n: int = 32, *, absent: bool = True, seed: int = 0) -> Dataset:
    """Two series of 3 and 2 channels, lengths 0 to 7 and unequal, and one vector column."""
    rng = generator(seed, "sequences")
    columns: dict[str, Column] = {}
    for name, width in (("s", 3), ("t", 2)):
        items: list[Any] = [rng.normal(size=(int(rng.integers(1, 8)), width)) for _ in range(n)]
        if absent:
            items[1] = np.zeros((0, width))
            items = [None if i % 7 == (3 if name == "s" else 5) else item for i, item in enumerate(items)]
        columns[name] = Ragged.of(items, kind="series")
    columns["v"] = Dense(rng.normal(size=(n, 2)), None, "vector")
    return Dataset(columns)


def labels(X: Dataset, task: str, seed: int = 0) -> np.ndarray:
    """A target of this task that the columns determine, up to a little noise."""
    rng = generator(seed, "labels")
    total = np.zeros(len(X))
    for _, column in X.items():
        if isinstance(column, Dense):
            total += np.where(column.present, np.nan_to_num(column.values.reshape(len(column), -1)[:, 0].astype(float)), 0)
        elif isinstance(column, Ragged):
            total += [column.row(i)[:, 0].mean() if column.present[i] and len(column.row(i)) else 0 for i in range(len(column))]
    total = total + 0.1 * rng.normal(size=len(X))
    if task == "classes":
        return np.array(["no", "yes"])[(total > np.median(total)).astype(int)]
    if task == "multilabel":
        return np.stack([total > 0, total > 0.5], axis=1).astype(int)
    return np.round(np.exp(total.clip(-2, 2))) if task == "count" else total


def tasks(X: Dataset, seed: int = 0) -> dict[str, np.ndarray]:
    """Classes, numbers and 0/1 labels; each labels other rows, every row belongs to one of them at least."""
    rows = np.arange(len(X))
    return {
        "kind": np.where(rows % 3 < 2, labels(X, "classes", seed).astype(object), np.array(None)),
        "size": np.where(rows % 3 > 0, labels(X, "number", seed), np.nan),
        "tags": np.where((rows % 4 < 2)[:, None], labels(X, "multilabel", seed), np.nan),
    }


def column(kind: str, n: int = 6, seed: int = 0) -> Column:
    """A column of a kind as a caller would give it, its second row absent."""
    rng = generator(seed, kind)
    present = np.arange(n) != 1
    if kind == "text":
        words = ["red", "blue", "cotton", "dress", "jeans", "shirt", "old", "new"]
        return Lazy([None if not present[i] else " ".join(rng.choice(words, size=4)) for i in range(n)], None, "text")
    if kind == "image":
        return Lazy([None if not present[i] else _png(rng) for i in range(n)], None, "image")
    if kind == "audio":
        return Lazy([None if not present[i] else _wav(rng, 0.4 + 0.1 * i) for i in range(n)], None, "audio")
    if kind == "video":
        return Lazy([None if not present[i] else _film(rng, 4 + i) for i in range(n)], None, "video")
    if kind == "series":
        return Ragged.of([None if not present[i] else rng.normal(size=(8 + i, 2)) for i in range(n)], kind="series")
    if kind == "tokens":
        return Ragged.of([None if not present[i] else rng.normal(size=(3 + i, 2)) for i in range(n)], kind="tokens")
    if kind == "tabular":
        values = np.column_stack([rng.normal(size=n), rng.integers(0, 3, size=n), rng.integers(18000, 19000, size=n)]).astype(float)
        values[2, 0] = np.nan
        return Dense(
            values, present, "tabular", (Field("size"), Field("color", "category", ("red", "green", "blue")), Field("day", "date"))
        )
    return Dense(rng.normal(size=(n, 3)), present, "vector")


def poisoned(given: Column, value: Any = None) -> Column:
    """The same column with other content in its absent rows."""
    gone = ~given.present
    if isinstance(given, Lazy):
        items = given.items.copy()
        items[gone] = "poison" if given.kind == "text" else None
        return Lazy(items, given.present, given.kind)
    if isinstance(given, Dense) and given.values.dtype.kind == "f":
        values = given.values.copy()
        values[gone] = np.nan if value is None else value
        return Dense(values, given.present, given.kind, given.fields)
    if isinstance(given, Ragged) and given.values.dtype.kind == "f":
        values = given.values.copy()
        values[np.repeat(gone, given.lengths)] = np.nan if value is None else value
        return Ragged(values, given.offsets, given.present, given.times, given.kind)
    return given


def _png(rng: np.random.Generator) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)).save(out, format="PNG")
    return out.getvalue()


def _wav(rng: np.random.Generator, seconds: float) -> bytes:
    import soundfile

    out = io.BytesIO()
    t = np.arange(int(16000 * seconds)) / 16000
    soundfile.write(out, 0.3 * np.sin(2 * np.pi * rng.uniform(100, 400) * t) + 0.01 * rng.normal(size=len(t)), 16000, format="WAV")
    return out.getvalue()


def _film(rng: np.random.Generator, count: int) -> bytes:
    """``count`` noisy frames at 10 a second, with a tone as sound track."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        picture, sound = container.add_stream("mpeg4", rate=10), container.add_stream("pcm_s16le", rate=16000, layout="mono")
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        for pixels in rng.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(picture.encode(None))
        tone = 9000 * np.sin(2 * np.pi * rng.uniform(100, 400) * np.arange(1600 * count) / 16000)
        frame = av.AudioFrame.from_ndarray(tone.astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return out.getvalue()
