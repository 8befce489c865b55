"""Which task trains when several share one trunk: those that stopped improving rest, those that got worse come back."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError, listing


class StopAndGo(nn.Module):
    """Dynamic stop-and-go: a task that fails to beat its best twice in a row is updated only every ``gap``-th round, until it falls back.

    In Go a task trains in every round. An evaluation m is a gain, and the new best, where ``m > best (1 + gain)`` (larger is better).
    After ``misses`` evaluations in a row without a gain the task goes to Stop; in Stop, where ``m < best (1 - loss)``, it goes back to
    Go. The first evaluation after each switch counts no miss; it may still switch Stop to Go. Where each task stands is in buffers, so that
    a checkpoint of the objective that holds this controller holds its state.

    Not for: measures where smaller is better, or that can be negative (turn them first).

    Args:
        tasks: names.
        gain: relative gain that counts.
        loss: relative loss that ends Stop.
        misses: evaluations in a row without a gain before Stop.
        gap: rounds between two updates in Stop.

    Raises:
        DataError: no tasks, a name twice, a task that is not known, ``gap`` or ``misses`` below 1.

    Source: Lu, Goswami, Rohrbach, Parikh, Lee 2020, 12-in-1: multi-task vision and language representation learning, CVPR, section 4.1;
        relative thresholds, the evaluation of grace and gap 4 as in the authors' code.

    Example:
        >>> control = StopAndGo(["vqa", "retrieval"])
        >>> for accuracy in (0.5, 0.6, 0.6, 0.6005):
        ...     control.evaluated("vqa", accuracy)
        >>> control.stopped("vqa"), [control.trains("vqa", round) for round in range(5)]
        (True, [True, False, False, False, True])
    """

    best: Tensor
    missed: Tensor
    stop: Tensor
    grace: Tensor

    def __init__(self, tasks: Iterable[str], *, gain: float = 0.001, loss: float = 0.005, misses: int = 2, gap: int = 4) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise DataError(f"tasks are {listing(self.tasks) or 'none'}; give at least one, each once")
        if gap < 1 or misses < 1:
            raise DataError(f"gap={gap} and misses={misses}; both must be at least 1")
        self.gain = gain
        self.loss = loss
        self.misses = misses
        self.gap = gap
        self.register_buffer("best", torch.full((len(self.tasks),), math.nan, dtype=torch.float64))
        for name in ("missed", "stop", "grace"):
            self.register_buffer(name, torch.zeros(len(self.tasks), dtype=torch.int64))

    def evaluated(self, task: str, value: float) -> None:
        """Take note of an evaluation on held-out rows."""
        k = self._place(task)
        best, stopped, grace = float(self.best[k]), bool(self.stop[k]), bool(self.grace[k])
        self.grace[k] = 0
        if math.isnan(best) or value > best * (1 + self.gain):
            self.best[k], self.missed[k] = value, 0
        elif not grace and not stopped:
            self.missed[k] += 1
        if stopped and value < float(self.best[k]) * (1 - self.loss):
            self._switch(k, False)
        elif not stopped and self.missed[k] >= self.misses:
            self._switch(k, True)

    def stopped(self, task: str) -> bool:
        """Whether the task is in Stop."""
        return bool(self.stop[self._place(task)])

    def trains(self, task: str, step: int) -> bool:
        """Whether the task is updated in round ``step``."""
        return not self.stopped(task) or step % self.gap == 0

    def _place(self, task: str) -> int:
        if task not in self.tasks:
            raise DataError(f"no task {task!r}; there are {listing(self.tasks)}")
        return self.tasks.index(task)

    def _switch(self, k: int, stopped: bool) -> None:
        self.stop[k], self.missed[k], self.grace[k] = int(stopped), 0, 1
