"""Several targets of the same rows: y as {task: array}, where a task may label some rows only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcgurk.data.column import Ragged
from mcgurk.data.split import label_codes
from mcgurk.data.target import Target, TargetSpec, blank, encode_target, family_of, task_of
from mcgurk.errors import DataError, UnknownName, listing

SEVERAL = "several"
LEAST_ALIKE = 8
"""Least rows of a stratum; fewer would lie on one side of most splits anyway."""


@dataclass(frozen=True, eq=False)
class Targets:
    """One :class:`~mcgurk.data.target.Target` a task, over the same rows; a row belongs to the tasks that label it.

    It answers what a Target answers, so that whatever splits, takes or stacks rows need not know how many tasks there are.

    Args:
        parts: task -> target, names sorted.
    """

    parts: dict[str, Target]

    @property
    def spec(self) -> TargetSpec:
        return TargetSpec(SEVERAL, parts=tuple((name, part.spec) for name, part in self.parts.items()), flat=False)

    @property
    def offsets(self) -> None:
        """There is no label a step."""
        return None

    @property
    def rows(self) -> int:
        return next(iter(self.parts.values())).rows

    @property
    def labelled(self) -> np.ndarray:
        """(n,) bool: rows of at least one task."""
        return np.any([part.labelled for part in self.parts.values()], axis=0)

    def take(self, rows: np.ndarray) -> Targets:
        """Labels of some rows."""
        return self._each(lambda part: part.take(rows))

    def with_statistics(self, rows: np.ndarray | None = None) -> Targets:
        """With the statistics of each task's labelled rows among ``rows``."""
        return self._each(lambda part: part.with_statistics(rows))

    def transformed(self, how: str | None, rows: np.ndarray) -> Targets:
        """Each number on the scale models learn."""
        return self._each(lambda part: part.transformed(how, rows))

    def stacked(self, more: Targets) -> Targets:
        """With the labels of further rows below."""
        return Targets({name: part.stacked(more.parts[name]) for name, part in self.parts.items()})

    def check_rows(self, n: int) -> None:
        """Refuse a task with another number of labels than there are rows."""
        self._asked(lambda part: part.check_rows(n))

    def check_training(self, rows: np.ndarray) -> None:
        """Refuse a task from whose training rows nothing can be learned.

        Raises:
            DataError: S01, naming the task.
        """
        self._asked(lambda part: part.check_training(rows))

    def arrays(self) -> tuple[np.ndarray, ...]:
        """What it holds, to tell two of them apart."""
        return tuple(array for part in self.parts.values() for array in part.arrays())

    def row_labels(self) -> np.ndarray:
        """(n,) codes for stratifying: by which tasks label a row, then by each task's labels, the smallest task first, as long as enough
        rows remain alike; what is rarer joins the largest stratum.
        """
        known = np.stack([part.labelled for part in self.parts.values()])
        strata = _codes(known)
        for k in np.argsort(known.sum(axis=1), kind="stable"):
            part = list(self.parts.values())[k]
            labels = np.where(known[k], 1 + label_codes(part.row_labels(), part.rows, 2), 0)
            finer = _codes(np.stack([strata, labels]))
            enough = np.bincount(finer)[finer] >= LEAST_ALIKE
            strata = _codes(np.stack([strata, np.where(enough, labels, -1)]))
        counts = np.bincount(strata)
        return np.where(counts[strata] < LEAST_ALIKE, counts.argmax(), strata)

    def _each(self, change: Callable[[Target], Target]) -> Targets:
        return Targets(self._asked(change))

    def _asked(self, change: Callable[[Target], Any]) -> dict[str, Any]:
        out = {}
        for name, part in self.parts.items():
            try:
                out[name] = change(part)
            except DataError as error:
                raise _of_task(name, error) from None
        return out


def encode_targets(y: Any, *, task: Mapping[str, str] | None = None, known: TargetSpec | None = None) -> Targets:
    """Encode {task: array}.

    Args:
        y: task -> (n,) labels or numbers, (n, L) 0/1 or (n, k) numbers; None and NaN: the row does not belong to the task. A frame's
            columns are tasks.
        task: task -> "classes", "multilabel", "number" or "count", where its values do not tell
            (see :func:`mcgurk.data.target.task_of`).
        known: the fitted targets, to encode further labels in the same classes; tasks may be left out.

    Raises:
        DataError: y is not a dict, or what :func:`~mcgurk.data.target.encode_target` finds wrong with a task, which the message names.
        UnknownName: ``task`` or further labels name a task that is not there.
    """
    given = {str(name): values for name, values in y.items()} if isinstance(y, Mapping) or hasattr(y, "columns") else {}
    if not given:
        what = "no task" if isinstance(y, Mapping) else f"a {type(y).__name__}"
        raise DataError(f"y is {what}; several tasks are given as {{task: array}}, a label or None for every row")
    fitted = {} if known is None else dict(known.parts)
    names = sorted(fitted or given)
    stray = [name for name in [*given, *(task or {})] if name not in names]
    if stray:
        raise UnknownName(f"there is no task {stray[0]!r}; tasks are {listing(names)}")
    out: dict[str, Target] = {}
    for name, values in sorted(given.items()):
        try:
            out[name] = _encoded(values, (task or {}).get(name), fitted.get(name))
        except DataError as error:
            raise _of_task(name, error) from None
    n = next(iter(out.values())).rows
    return Targets({name: out[name] if name in out else blank(fitted[name], n) for name in names})


def _encoded(values: Any, kind: str | None, known: TargetSpec | None) -> Target:
    if isinstance(values, Ragged):
        raise DataError("there is a label a step; several tasks take one label a row")
    kind = known.task if known else kind or task_of(values)
    return encode_target(values, family_of(str(kind)), task=kind, known=known)


def _of_task(name: str, error: DataError) -> DataError:
    return DataError(f"task {name!r}: {error}", code=error.code)


def _codes(rows: np.ndarray) -> np.ndarray:
    """(n,) codes of the distinct columns of (k, n)."""
    return np.unique(rows, axis=1, return_inverse=True)[1].reshape(-1)
