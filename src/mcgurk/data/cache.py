"""The feature cache: each distinct content is encoded once, whatever file, fold or run it comes from."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data import shards
from mcgurk.data.column import Column, Dense, Ragged, _trusted, gather_steps, item_hash
from mcgurk.data.shards import Shard
from mcgurk.errors import DataError, IntegrityError, McgurkWarning
from mcgurk.files import sha256_bytes, sweep

Compute = Callable[[Column], Dense | Ragged]
Progress = Callable[[Iterable[np.ndarray], int], Iterable[np.ndarray]]
Groups = list[tuple[Any, np.ndarray, np.ndarray]]
ATTEMPTS = 3
WHOLE_BYTES = 256 << 20


class FeatureCache:
    """Prepared features on disk, found again by what was encoded and how.

    The key of an item is the SHA-256 of its content's hash and the encoder's fingerprint (name, version, parameters, weights' hash, fitted
    state's hash). Items that are not there are computed in chunks, each stored as a shard before the next begins: a run that is killed
    loses at most the shard in flight, and the outcome is the same bits. Several processes may use one folder at once. A damaged shard is
    noticed by its checksum, said (K01), deleted and computed again.

    Args:
        folder: of the cache; default ``mcgurk.config.cache / "features"``.

    Example:
        >>> import tempfile, numpy as np
        >>> from mcgurk.data import Dense, Lazy
        >>> lengths = lambda texts: Dense(np.array([[float(len(t))] for t in texts.items]))
        >>> cache = FeatureCache(tempfile.mkdtemp())
        >>> cache.prepare(Lazy(["ba", None, "gaga", "ba"]), "length-1", lengths).values.ravel().tolist()
        [2.0, 0.0, 4.0, 2.0]
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        if folder is None:
            from mcgurk.config import config

            folder = config.cache / "features"
        self.folder = Path(folder)

    def prepare(
        self, column: Column, fingerprint: str, compute: Compute, *, chunk: int = 256, progress: Progress | None = None
    ) -> Dense | Ragged:
        """The prepared column, row for row; absent rows stay absent (zeros, or no steps).

        Args:
            column: what to encode.
            fingerprint: everything the result depends on besides the item.
            compute: encodes a column of present, distinct items to as many rows; it must treat rows independently.
            chunk: items a shard.
            progress: wraps the chunks still to do, given their number (see ``Run.track``).

        Raises:
            DataError: ``compute`` gave another number of rows.
        """
        place = self.folder / sha256_bytes(fingerprint.encode())[:32]
        place.mkdir(parents=True, exist_ok=True)
        sweep(place)
        keys = self._keys(column, fingerprint)
        failed = 0
        while True:
            try:
                return self._prepared(place, column, keys, compute, chunk, progress)
            except IntegrityError as error:
                failed += 1
                if failed == ATTEMPTS:
                    raise
                _say(error)

    def _prepared(
        self, place: Path, column: Column, keys: list[str], compute: Compute, chunk: int, progress: Progress | None
    ) -> Dense | Ragged:
        found, held = self._known(place)
        missing = _first_rows(keys, found)
        chunks = [missing[start : start + chunk] for start in range(0, len(missing), chunk)]
        for rows in progress(chunks, len(chunks)) if progress and chunks else chunks:
            shard = shards.write(place, [keys[row] for row in rows], _computed(compute, column, rows))
            if held and shard.shape != held[0].shape:
                for other in held:
                    shards.remove(other.folder / f"{other.name}.json")
                raise IntegrityError(f"the encoder gives {shard.shape[:3]} where {held[0].shape[:3]} is stored; all is computed again")
            held.append(shard)
            found |= {key: (shard, i) for i, key in enumerate(shard.keys)}
        return self._gathered(place, column, keys, found, held, compute)

    def _keys(self, column: Column, fingerprint: str) -> list[str]:
        keys = [""] * len(column)
        for row in np.flatnonzero(column.present):
            keys[row] = sha256_bytes(f"{item_hash(column, int(row))}\0{fingerprint}".encode())
        return keys

    def _known(self, place: Path) -> tuple[dict[str, tuple[Shard, int]], list[Shard]]:
        """Where each stored item lies. Manifests that do not match their checksum are said and deleted."""
        found: dict[str, tuple[Shard, int]] = {}
        held: list[Shard] = []
        for path in shards.manifests(place):
            try:
                shard = shards.read(path)
            except IntegrityError as error:
                _say(error)
                shards.remove(path)
                continue
            if held and shard.shape != held[0].shape:
                continue
            held.append(shard)
            found |= {key: (shard, i) for i, key in enumerate(shard.keys) if key}
        return found, held

    def _gathered(
        self, place: Path, column: Column, keys: list[str], found: dict[str, tuple[Shard, int]], held: list[Shard], compute: Compute
    ) -> Dense | Ragged:
        """Rows in order: one shard's memory map where it holds exactly these rows, else copies; large results become a whole shard."""
        whole = next((shard for shard in held if list(shard.keys) == keys), None)
        if whole is not None:
            return _opened(whole)
        wanted = [(row, *found[key]) for row, key in enumerate(keys) if key]
        template = _opened(held[0]) if held else _computed(compute, column, np.zeros(0, dtype=np.int64))
        opened = {shard.name: _opened(shard) for shard in {id(s): s for _, s, _ in wanted}.values()}
        rows = np.array([row for row, _, _ in wanted], dtype=np.int64)
        inner = np.array([i for _, _, i in wanted], dtype=np.int64)
        names = np.array([shard.name for _, shard, _ in wanted])
        groups = [(opened[name], rows[names == name], inner[names == name]) for name in opened]
        out = _fill_dense(template, len(keys), groups) if isinstance(template, Dense) else _fill_ragged(template, len(keys), groups)
        if out.values.nbytes > WHOLE_BYTES:
            return _opened(shards.write(place, keys, out))
        return out


def _first_rows(keys: list[str], found: Container[str]) -> np.ndarray:
    """The first row of each distinct key that is not ``found``."""
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key and key not in first and key not in found:
            first[key] = row
    return np.array(list(first.values()), dtype=np.int64)


def _computed(compute: Compute, column: Column, rows: np.ndarray) -> Dense | Ragged:
    part = compute(column.take(rows))
    if not isinstance(part, (Dense, Ragged)) or len(part) != len(rows):
        given = f"{len(part)} rows" if isinstance(part, (Dense, Ragged)) else type(part).__name__
        raise DataError(f"the encoder gave {given} for {len(rows)} items; expected a Dense or Ragged column with a row for each")
    return part


def _opened(shard: Shard) -> Dense | Ragged:
    """The shard's column; a damaged shard is deleted, so that the next look computes it again."""
    try:
        return shard.open()
    except IntegrityError:
        shards.remove(shard.folder / f"{shard.name}.json")
        raise


def _fill_dense(template: Dense, n: int, groups: Groups) -> Dense:
    values = np.zeros((n, *template.item), dtype=template.values.dtype)
    present = np.zeros(n, dtype=bool)
    for part, rows, inner in groups:
        values[rows] = part.values[inner]
        present[rows] = part.present[inner]
    return _trusted(template, values=values, present=present)


def _fill_ragged(template: Ragged, n: int, groups: Groups) -> Ragged:
    lengths = np.zeros(n, dtype=np.int64)
    present = np.zeros(n, dtype=bool)
    for part, rows, inner in groups:
        lengths[rows] = part.lengths[inner]
        present[rows] = part.present[inner]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = np.zeros((int(offsets[-1]), *template.item), dtype=template.values.dtype)
    times = None if template.times is None else np.zeros(len(values))
    for part, rows, inner in groups:
        source, _ = gather_steps(part.offsets, inner)
        target, _ = gather_steps(offsets, rows)
        values[target] = part.values[source]
        if times is not None and part.times is not None:
            times[target] = part.times[source]
    return _trusted(template, values=values, offsets=offsets, present=present, times=times)


def _say(error: IntegrityError) -> None:
    warnings.warn(McgurkWarning(f"feature cache: {error}", code="K01"), stacklevel=4)
