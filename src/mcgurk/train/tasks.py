"""Batches of several tasks: each of the rows of one of them, in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from mcgurk import seeding
from mcgurk.data.column import Dense, Ragged
from mcgurk.data.tasks import Targets
from mcgurk.errors import DataError
from mcgurk.nn.batch import Batch
from mcgurk.train.loader import Loader, batches, cut, label_tensor

SAMPLING = ("round_robin", "proportional")


class TaskLoader(Loader):
    """Batches of one task each, made of that task's labelled rows; which, and in which order, is a pure function of (seed, epoch).

    An epoch has as many batches as one pass over every task's rows. ``"round_robin"`` gives every task the same number of them, one a
    round in the order of the names: small tasks are gone through several times in an epoch, large ones go on in the next epoch where they
    stopped. ``"proportional"`` passes once over every task, the tasks in random order.

    Args:
        columns, weight, numbers, batch_size, seed, device, dtype: as :class:`~mcgurk.train.loader.Loader`.
        targets: encoded labels of the same rows.
        sampling: "round_robin" or "proportional".

    Raises:
        DataError: another sampling.
    """

    def __init__(
        self,
        columns: Mapping[str, Dense | Ragged],
        targets: Targets,
        weight: np.ndarray | None = None,
        *,
        sampling: str = "round_robin",
        numbers: np.ndarray | None = None,
        batch_size: int = 64,
        seed: int = 0,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if sampling not in SAMPLING:
            raise DataError(f"sampling={sampling!r} is not known; give one of {', '.join(SAMPLING)}")
        super().__init__(columns, None, weight, numbers=numbers, batch_size=batch_size, seed=seed, device=device, dtype=dtype)
        self.sampling = sampling
        self.rows = {name: np.flatnonzero(part.labelled) for name, part in targets.parts.items() if part.labelled.any()}
        self._labels = {name: label_tensor(targets.parts[name], dtype).to(device) for name in self.rows}
        self._orders: dict[str, tuple[int, np.ndarray]] = {}

    def turns(self) -> dict[str, int]:
        """Task -> its batches in an epoch."""
        own = {name: batches(len(rows), self.batch_size) for name, rows in self.rows.items()}
        rounds = -(-sum(own.values()) // max(len(own), 1))
        return dict.fromkeys(own, rounds) if self.sampling == "round_robin" else own

    @property
    def steps(self) -> int:
        return sum(self.turns().values())

    def sequence(self, epoch: int) -> list[tuple[str, int]]:
        """(task, turn) of every batch of an epoch; turns count on from epoch to epoch."""
        turns = self.turns()
        if self.sampling == "round_robin":
            names = [name for _ in range(max(turns.values(), default=0)) for name in turns]
        else:
            names = np.repeat(list(turns), list(turns.values())).tolist()
            names = [names[i] for i in seeding.generator(self.seed, "tasks", epoch).permutation(len(names))]
        done = {name: epoch * count for name, count in turns.items()}
        out = []
        for name in names:
            out.append((name, done[name]))
            done[name] += 1
        return out

    def epoch(self, epoch: int | None, start: int = 0) -> Iterator[Batch]:
        """Batches of an epoch from batch ``start`` on; ``None`` for every task's rows in their own order, one task after another."""
        if epoch is not None:
            for name, turn in self.sequence(epoch)[start:]:
                yield self.of(name, self._turn_rows(name, turn), turn)
            return
        for name, rows in self.rows.items():
            for number in range(batches(len(rows), self.batch_size)):
                yield self.of(name, cut(rows, number, self.batch_size), number)

    def of(self, task: str, rows: np.ndarray, turn: int = 0) -> Batch:
        """Collate some rows with their labels of one task."""
        batch = self.batch(rows)
        assert batch.rows is not None
        return replace(batch, y=self._labels[task].index_select(0, batch.rows), task=task, turn=turn)

    def _turn_rows(self, task: str, turn: int) -> np.ndarray:
        rows = self.rows[task]
        cycle, number = divmod(turn, batches(len(rows), self.batch_size))
        if self._orders.get(task, (-1, rows))[0] != cycle:
            self._orders[task] = (cycle, rows[seeding.generator(self.seed, "order", task, cycle).permutation(len(rows))])
        return cut(self._orders[task][1], number, self.batch_size)
