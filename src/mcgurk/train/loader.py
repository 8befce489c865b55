"""Batches from prepared columns. In memory they are tensor slices; only here are sequences padded."""

from __future__ import annotations

import warnings
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
_BLOCK = 64 << 20


class Loader:
    """Batches of prepared columns, in an order that is a pure function of (seed, epoch).

    Absent rows and masked steps hold zeros in every batch. Memory-mapped columns stay on disk where no number of them has to change;
    columns over ``IN_MEMORY`` bytes are read batch by batch in any case. A last batch of a single row joins the one before, because
    neither batch statistics nor contrasts exist for one row.

    Args:
        columns: name -> prepared column; names are sorted here once.
        target: encoded labels, or None.
        weight: (n,) sample weights, or None.
        numbers: (n,) what the rows are called in messages: their numbers in the data given to ``fit``; default 0 to n - 1.
        batch_size: rows a batch.
        seed: of the order.
        device, dtype: of the batches; floats are cast, token ids and uint8 stay.

    Raises:
        DataError: a label a step, but a sequence of another length.
    """

    def __init__(
        self,
        columns: Mapping[str, Dense | Ragged],
        target: Target | None = None,
        weight: np.ndarray | None = None,
        *,
        numbers: np.ndarray | None = None,
        batch_size: int = 64,
        seed: int = 0,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self.n = len(next(iter(columns.values())))
        self.numbers = np.arange(self.n) if numbers is None else numbers
        self.places = max(_places(column) for column in columns.values())
        self._columns = {name: _source(columns[name], device, dtype) for name in sorted(columns)}
        self._y = None if target is None else label_tensor(target, dtype).to(device)
        self._offsets = None if target is None else target.offsets
        self._weight = None if weight is None else torch.as_tensor(weight, dtype=dtype, device=device)
        if self._offsets is not None:
            for name, column in columns.items():
                _check_steps(name, column, self._offsets)

    def __len__(self) -> int:
        return self.n

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return batches(self.n, self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """The rows of an epoch in their order."""
        return seeding.generator(self.seed, "order", epoch).permutation(self.n)

    def epoch(self, epoch: int | None, start: int = 0) -> Iterator[Batch]:
        """Batches of an epoch from batch ``start`` on; ``None`` for rows in their own order."""
        order = np.arange(self.n) if epoch is None else self.order(epoch)
        for step in range(start, self.steps):
            yield self.batch(cut(order, step, self.batch_size))

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


def batches(n: int, size: int) -> int:
    """How many batches ``n`` rows make."""
    whole, rest = divmod(n, size)
    return max(1, whole + (rest > 1))


def cut(order: np.ndarray, number: int, size: int) -> np.ndarray:
    """The rows of batch ``number``; the last one holds what remains."""
    return order[number * size : None if number == batches(len(order), size) - 1 else (number + 1) * size]


class _DenseSource:
    """A Dense column as one tensor, of which batches are gathered."""

    def __init__(self, column: Dense, device: str, dtype: torch.dtype) -> None:
        self.full = bool(column.present.all())
        self.present = _shared(column.present).to(device)
        self._ones = torch.ones(0, dtype=torch.bool, device=device)
        self._values = _tensor(_zeroed(column.values, column.present), dtype).to(device)

    def slot(self, rows: np.ndarray, index: Tensor) -> Slot:
        values = self._values.index_select(0, index)
        if not self.full:
            return Slot(values, self.present.index_select(0, index))
        if len(self._ones) < len(rows):
            self._ones = torch.ones(len(rows), dtype=torch.bool, device=self._values.device)
        return Slot(values, self._ones[: len(rows)], None, None, True)


class _MappedSource:
    """A Dense column larger than memory: rows are read from the map, batch by batch."""

    def __init__(self, column: Dense, device: str, dtype: torch.dtype) -> None:
        self.column, self.device, self.dtype = column, device, dtype

    def slot(self, rows: np.ndarray, index: Tensor) -> Slot:
        present = self.column.present[rows]
        values = _tensor(_zeroed(np.asarray(self.column.values[rows]), present), self.dtype)
        return Slot(values.to(self.device), torch.from_numpy(present).to(self.device), None, None, bool(present.all()))


class _RaggedSource:
    """A Ragged column, padded to the longest row of each batch. A step that holds NaN is masked."""

    def __init__(self, column: Ragged, device: str, dtype: torch.dtype) -> None:
        self.column, self.device, self.dtype = column, device, dtype
        self.valid = _observed(column.values)

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
        return Slot(
            _tensor(values, self.dtype).to(self.device),
            torch.from_numpy(present).to(self.device),
            torch.from_numpy(mask).to(self.device),
            times,
            bool(mask.all()),
        )


def _source(column: Dense | Ragged, device: str, dtype: torch.dtype) -> _DenseSource | _MappedSource | _RaggedSource:
    if isinstance(column, Ragged):
        return _RaggedSource(column, device, dtype)
    return _MappedSource(column, device, dtype) if column.values.nbytes > IN_MEMORY else _DenseSource(column, device, dtype)


def _zeroed(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """``values`` with zeros in absent rows; the very same array where they are there already, as they are in the feature cache."""
    if present.all() or not values[~present].any():
        return values
    values = np.array(values)
    values[~present] = 0
    return values


def _observed(values: np.ndarray) -> np.ndarray | None:
    """(N,) bool, False where a step holds NaN; None where none does. In blocks: a memory-mapped column is never copied whole."""
    if values.dtype.kind != "f":
        return None
    width = max(1, int(np.prod(values.shape[1:], dtype=np.int64)))
    block = max(1, _BLOCK // (width * values.itemsize))
    bad = np.zeros(len(values), dtype=bool)
    for start in range(0, len(values), block):
        part = values[start : start + block]
        bad[start : start + block] = np.isnan(part).reshape(len(part), -1).any(axis=1)
    return ~bad if bad.any() else None


def _tensor(values: np.ndarray, dtype: torch.dtype) -> Tensor:
    """Floats in ``dtype``, bytes as they are, other integers as int64; nothing is copied that need not change."""
    if values.dtype.kind == "f":
        return _shared(np.ascontiguousarray(values, dtype=np.float64 if dtype == torch.float64 else np.float32))
    values = np.ascontiguousarray(values)
    return _shared(values if values.dtype == np.uint8 else values.astype(np.int64, copy=False))


def _shared(values: np.ndarray) -> Tensor:
    """A tensor on the array's memory. Cached features are read-only maps, of which torch warns; batches are only gathered from them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(values)


def label_tensor(target: Target, dtype: torch.dtype) -> Tensor:
    """Codes, or numbers in ``dtype``."""
    if target.spec.task == "classes":
        return torch.from_numpy(np.array(target.values))
    return torch.tensor(target.values, dtype=dtype)


def _places(column: Dense | Ragged) -> float:
    """How often a row meets a parameter, for the choice of threads: the steps of a sequence, a sixteenth of a picture's pixels."""
    if isinstance(column, Ragged):
        return max(1.0, len(column.values) / max(1, len(column)))
    return max(1.0, column.item[0] * column.item[1] / 16) if len(column.item) == 3 else 1.0


def _check_steps(name: str, column: Dense | Ragged, offsets: np.ndarray) -> None:
    if isinstance(column, Ragged):
        odd = (column.lengths != np.diff(offsets)) & column.present
        if odd.any():
            row = int(np.flatnonzero(odd)[0])
            raise DataError(
                f"y has {np.diff(offsets)[row]} labels in row {row}, but column {name!r} has {column.lengths[row]} steps; "
                "give one label a step"
            )
