"""Batches from prepared columns. In memory they are tensor slices; only here are sequences padded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from mcgurk import seeding
from mcgurk.data.column import Dense, Ragged, gather_steps
from mcgurk.data.target import Target
from mcgurk.errors import DataError
from mcgurk.nn.batch import Batch, Slot

IN_MEMORY = 2 << 30


class Loader:
    """Batches of prepared columns, in an order that is a pure function of (seed, epoch).

    Args:
        columns: name -> prepared column; names are sorted here once.
        target: encoded labels, or None.
        weight: (n,) sample weights, or None.
        batch_size: rows a batch.
        seed: of the order.
        device, dtype: of the batches; floats are cast, token ids and uint8 stay.

    Absent rows and masked steps hold zeros in every batch. Columns over 2 GiB stay on disk and are read batch by batch.
    """

    def __init__(
        self,
        columns: Mapping[str, Dense | Ragged],
        target: Target | None = None,
        weight: np.ndarray | None = None,
        *,
        batch_size: int = 64,
        seed: int = 0,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.n = len(next(iter(columns.values())))
        self._columns = {name: _source(columns[name], device, dtype) for name in sorted(columns)}
        self._y = None if target is None else _labels(target, dtype).to(device)
        self._offsets = None if target is None or target.offsets is None else target.offsets
        self._weight = None if weight is None else torch.as_tensor(weight, dtype=dtype, device=device)
        if self._offsets is not None:
            for name, column in columns.items():
                _check_steps(name, column, self._offsets)

    def __len__(self) -> int:
        return self.n

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(1, math.ceil(self.n / self.batch_size))

    def order(self, epoch: int) -> np.ndarray:
        """The rows of an epoch in their order."""
        return seeding.generator(self.seed, "order", epoch).permutation(self.n)

    def epoch(self, epoch: int | None, start: int = 0) -> Iterator[Batch]:
        """Batches of an epoch from batch ``start`` on; ``None`` for rows in their own order."""
        order = np.arange(self.n) if epoch is None else self.order(epoch)
        for step in range(start, self.steps):
            yield self.batch(order[step * self.batch_size : (step + 1) * self.batch_size])

    def batch(self, rows: np.ndarray) -> Batch:
        """Collate some rows."""
        index = torch.from_numpy(np.ascontiguousarray(rows))
        if self.device != "cpu":
            index = index.to(self.device)
        slots = {name: column.slot(rows, index) for name, column in self._columns.items()}
        y, lengths = self._y, None
        if y is not None:
            if self._offsets is None:
                y = y.index_select(0, index)
            else:
                steps, offsets = gather_steps(self._offsets, rows)
                y = y[torch.from_numpy(steps).to(self.device)]
                lengths = torch.from_numpy(np.diff(offsets)).to(self.device)
        weight = None if self._weight is None else self._weight.index_select(0, index)
        return Batch(slots, y, weight, index, lengths)


class _DenseSource:
    def __init__(self, column: Dense, device: str, dtype: torch.dtype) -> None:
        self.full = bool(column.present.all())
        self.present = torch.as_tensor(column.present, device=device)
        self._ones = torch.ones(0, dtype=torch.bool, device=device)
        self._values = _tensor(_zeroed(column.values, column.present), dtype).to(device)

    def slot(self, rows: np.ndarray, index: Tensor) -> Slot:
        values = self._values.index_select(0, index)
        if not self.full:
            return Slot(values, self.present.index_select(0, index))
        if len(self._ones) < len(index):
            self._ones = torch.ones(len(index), dtype=torch.bool, device=self._values.device)
        return Slot(values, self._ones[: len(index)], None, None, True)


class _MappedSource:
    """A Dense column larger than memory: rows are read from the map, batch by batch."""

    def __init__(self, column: Dense, device: str, dtype: torch.dtype) -> None:
        self.column, self.device, self.dtype = column, device, dtype

    def slot(self, rows: np.ndarray, index: Tensor) -> Slot:
        present = self.column.present[rows]
        values = _tensor(_zeroed(np.asarray(self.column.values[rows]), present), self.dtype)
        return Slot(values.to(self.device), torch.from_numpy(present).to(self.device), None, None, bool(present.all()))


class _RaggedSource:
    def __init__(self, column: Ragged, device: str, dtype: torch.dtype) -> None:
        self.column, self.device, self.dtype = column, device, dtype
        flat = column.values.reshape(len(column.values), math.prod(column.item))
        self.valid = None
        if flat.dtype.kind == "f":
            bad = np.isnan(flat).any(axis=1)
            self.valid = ~bad if bad.any() else None

    def slot(self, rows: np.ndarray, index: Tensor) -> Slot:
        column = self.column
        present = column.present[rows]
        steps, offsets = gather_steps(column.offsets, rows)
        lengths = np.diff(offsets)
        length = max(1, int(lengths.max(initial=0)))
        row = np.repeat(np.arange(len(rows)), lengths)
        place = np.arange(len(steps)) - np.repeat(offsets[:-1], lengths)
        keep = present[row] if self.valid is None else present[row] & self.valid[steps]
        row, place, steps = row[keep], place[keep], steps[keep]
        mask = np.zeros((len(rows), length), dtype=bool)
        mask[row, place] = True
        values = np.zeros((len(rows), length, *column.item), dtype=column.values.dtype)
        values[row, place] = column.values[steps]
        times = None
        if column.times is not None:
            clock = np.zeros((len(rows), length))
            clock[row, place] = column.times[steps]
            times = torch.from_numpy(clock).to(self.device)
        full = bool(mask.all())
        return Slot(
            _tensor(values, self.dtype).to(self.device),
            torch.from_numpy(present).to(self.device),
            torch.from_numpy(mask).to(self.device),
            times,
            full,
        )


def _source(column: Dense | Ragged, device: str, dtype: torch.dtype) -> _DenseSource | _MappedSource | _RaggedSource:
    if isinstance(column, Ragged):
        return _RaggedSource(column, device, dtype)
    return _MappedSource(column, device, dtype) if column.values.nbytes > IN_MEMORY else _DenseSource(column, device, dtype)


def _zeroed(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    if present.all():
        return values
    values = np.array(values)
    values[~present] = 0
    return values


def _tensor(values: np.ndarray, dtype: torch.dtype) -> Tensor:
    if values.dtype.kind == "f":
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64 if dtype == torch.float64 else np.float32))
    values = np.ascontiguousarray(values)
    if not values.flags.writeable:
        values = values.copy()
    return torch.from_numpy(values) if values.dtype == np.uint8 else torch.from_numpy(values.astype(np.int64))


def _labels(target: Target, dtype: torch.dtype) -> Tensor:
    if target.spec.task == "classes":
        return torch.from_numpy(np.array(target.values))
    return torch.as_tensor(target.values, dtype=dtype)


def _check_steps(name: str, column: Dense | Ragged, offsets: np.ndarray) -> None:
    if isinstance(column, Ragged):
        odd = (column.lengths != np.diff(offsets)) & column.present
        if odd.any():
            row = int(np.flatnonzero(odd)[0])
            raise DataError(
                f"y has {np.diff(offsets)[row]} labels in row {row}, but column {name!r} has {column.lengths[row]} steps; give one label a step"
            )
