"""What is decided before the first fit: the task, the figure of merit, and how much work a budget buys."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from mcgurk.data.target import TASKS, Target, TargetSpec, encode_target, family_of, task_of
from mcgurk.errors import DataError

UNEVEN = 0.6
"""With a class larger than this share, accuracy says little and macro-F1 is the default."""
OFFERS = ("quick", "standard", "thorough")
MINUTES = {"quick": 15.0, "standard": 60.0, "thorough": None}
"""Limit on a contest of every fusion method, unless minutes are asked for."""


@dataclass(frozen=True)
class Budget:
    """How much work is worth doing.

    Args:
        offer: "quick", "standard" or "thorough": how many contestants the rooms send.
        folds, repeats: of the outer cross-validation; repeats None depends on the rows (small data vary more from split to split).
        minutes: an upper limit to plan for, or None.
    """

    offer: str = "standard"
    folds: int = 5
    repeats: int | None = None
    minutes: float | None = None

    @classmethod
    def of(cls, value: Any) -> Budget:
        """From "quick", "standard", "thorough", a number of minutes, or a text such as "20m" or "2h".

        Raises:
            DataError: C02, anything else.
        """
        if isinstance(value, Budget):
            return value
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(m|min|minutes|h|hours)?\s*", str(value))
        if match and float(match[1]) > 0:
            minutes = float(match[1]) * (60 if (match[2] or "").startswith("h") else 1)
            return replace(BUDGETS["quick" if minutes < 5 else "standard" if minutes < 60 else "thorough"], minutes=minutes)
        if value in BUDGETS:
            return BUDGETS[value]
        raise DataError(f"budget {value!r} is not known; give {', '.join(OFFERS)}, or minutes such as 20 or '2h'", code="C02")

    def limited(self) -> Budget:
        """The same with a limit on minutes where none was set, for a contest of every method: dear ones would take most of the time."""
        return self if self.minutes is not None else replace(self, minutes=MINUTES[self.offer])

    def repeats_for(self, rows: int) -> int:
        """Repeats of the outer folds for data of this size."""
        if self.repeats is not None:
            return self.repeats
        if self.offer == "quick":
            return 2 if rows <= 500 else 1
        return 3 if rows <= 500 else 2 if rows <= 2000 else 1


BUDGETS = {
    "quick": Budget("quick", folds=5),
    "standard": Budget("standard", folds=5),
    "thorough": Budget("thorough", folds=5, repeats=5),
}


@dataclass(frozen=True)
class Settings:
    """The choices of one study, written into its plan.

    Args:
        task: "classes", "multilabel", "number" or "count".
        metric: name in :data:`mcgurk.metrics.METRICS`.
        budget: see :class:`Budget`.
        folds: outer folds, or "given" for the data's own split.
        repeats: of the outer folds.
        seed: of folds and fits.
    """

    task: str
    metric: str
    budget: Budget
    folds: int | str
    repeats: int
    seed: int

    @property
    def family(self) -> str:
        return family_of(self.task)


def decide_task(y: Any, task: str | None = None) -> str:
    """The task of ``y``: as asked for, else by its values (see :func:`mcgurk.data.target.task_of`)."""
    if task is not None and task not in TASKS:
        raise DataError(f"task {task!r} is not known; expected one of {', '.join(TASKS)}", code="C02")
    return task or task_of(y)


def encode(y: Any, task: str) -> Target:
    """``y`` encoded for the task, with the statistics of all rows."""
    return encode_target(y, family_of(task), task=task).with_statistics()


def default_metric(target: TargetSpec) -> str:
    """Accuracy where classes are fairly even, macro-F1 where one holds over 60 %; mean absolute error for numbers, in its units."""
    if target.task == "classes":
        return "macro_f1" if max(target.prior) > UNEVEN else "accuracy"
    return {"multilabel": "multilabel_macro_f1", "number": "mae", "count": "poisson_deviance"}[str(target.task)]
