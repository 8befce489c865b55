"""Which task trains when several share one trunk: those that stopped improving rest, those that got worse come back."""

from __future__ import annotations

from collections.abc import Iterable

from mcgurk.errors import DataError, listing


class StopAndGo:
    """Dynamic stop-and-go: a task that fails to beat its best twice in a row is updated only every ``gap``-th round, until it falls back.

    In Go a task trains in every round. An evaluation m is a gain, and the new best, where ``m > best (1 + gain)`` (larger is better).
    After ``misses`` evaluations in a row without a gain the task goes to Stop; in Stop, where ``m < best (1 - loss)``, it goes back to
    Go. The first evaluation after each switch counts no miss; it may still switch Stop to Go.

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

    def __init__(self, tasks: Iterable[str], *, gain: float = 0.001, loss: float = 0.005, misses: int = 2, gap: int = 4) -> None:
        self.tasks = tuple(tasks)
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise DataError(f"tasks are {listing(self.tasks) or 'none'}; give at least one, each once")
        if gap < 1 or misses < 1:
            raise DataError(f"gap={gap} and misses={misses}; both must be at least 1")
        self.gain = gain
        self.loss = loss
        self.misses = misses
        self.gap = gap
        self._state = {task: _Task() for task in self.tasks}

    def evaluated(self, task: str, value: float) -> None:
        """Take note of an evaluation on held-out rows."""
        state = self._of(task)
        grace, state.grace = state.grace, False
        if state.best is None or value > state.best * (1 + self.gain):
            state.best, state.missed = value, 0
        elif not grace and not state.stopped:
            state.missed += 1
        if state.stopped and value < state.best * (1 - self.loss):
            state.switch(False)
        elif not state.stopped and state.missed >= self.misses:
            state.switch(True)

    def stopped(self, task: str) -> bool:
        """Whether the task is in Stop."""
        return self._of(task).stopped

    def trains(self, task: str, step: int) -> bool:
        """Whether the task is updated in round ``step``."""
        return not self._of(task).stopped or step % self.gap == 0

    def _of(self, task: str) -> _Task:
        if task not in self._state:
            raise DataError(f"no task {task!r}; there are {listing(self.tasks)}")
        return self._state[task]


class _Task:
    """Where one task stands."""

    def __init__(self) -> None:
        self.best: float | None = None
        self.missed = 0
        self.stopped = False
        self.grace = False

    def switch(self, stopped: bool) -> None:
        self.stopped, self.missed, self.grace = stopped, 0, True
