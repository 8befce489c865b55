"""What is decided before the first fit: the task, the figure of merit, and how much work a budget buys."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcgurk.data.column import Ragged
from mcgurk.data.target import TASKS, Target, TargetSpec, encode_target, unlabelled
from mcgurk.errors import DataError

CLASSES_AT_MOST = 20
"""Whole numbers with more distinct values than this are a number, others are classes."""
UNEVEN = 0.6
"""With a class larger than this share, accuracy says little and macro-F1 is the default."""
OFFERS = ("quick", "standard", "thorough")


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


def family_of(task: str) -> str:
    """ "classifier" for classes and multilabel, else "regressor"."""
    return "classifier" if task in ("classes", "multilabel") else "regressor"


def decide_task(y: Any, task: str | None = None) -> str:
    """The task of ``y``: as asked for, else by its values.

    Texts, flags and at most 20 distinct whole numbers are classes; a table of 0 and 1 is multilabel; other numbers, and any with fractions
    (ratings such as 3.5), are a number. Counts only by request.

    Example:
        >>> decide_task(["a", "b", "a"]), decide_task([1, 2, 2]), decide_task([x / 7 for x in range(30)])
        ('classes', 'classes', 'number')
    """
    if task is not None:
        if task not in TASKS:
            raise DataError(f"task {task!r} is not known; expected one of {', '.join(TASKS)}", code="C02")
        return task
    values = np.asarray(y.values if isinstance(y, Ragged) else y.to_numpy() if hasattr(y, "to_numpy") else y)
    known = values[~unlabelled(values)]
    try:
        numbers = known.astype(np.float64) if known.dtype.kind not in "bUS" else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None or any(isinstance(v, (str, bool)) for v in known[:1000].tolist()):
        return "classes"
    if values.ndim == 2:
        return "multilabel" if np.isin(numbers, (0, 1)).all() else "number"
    whole = (numbers == np.floor(numbers)).all()
    return "classes" if whole and len(np.unique(numbers)) <= CLASSES_AT_MOST else "number"


def encode(y: Any, task: str) -> Target:
    """``y`` encoded for the task, with the statistics of all rows."""
    return encode_target(y, family_of(task), task=task).with_statistics()


def default_metric(target: TargetSpec) -> str:
    """Accuracy where classes are fairly even, macro-F1 where one holds over 60 %; mean absolute error for numbers, in its units."""
    if target.task == "classes":
        return "macro_f1" if max(target.prior) > UNEVEN else "accuracy"
    return {"multilabel": "multilabel_macro_f1", "number": "mae", "count": "poisson_deviance"}[str(target.task)]
