"""From finished cells to figures: per fold, pooled, with intervals, and as paired differences between any two contestants."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from mcgurk import seeding
from mcgurk.data.column import gather_steps
from mcgurk.registry import Candidate
from mcgurk.study.cells import Cell, Cells
from mcgurk.study.contest import Subject
from mcgurk.study.interval import Estimate, drawn, resampled, weights
from mcgurk.study.plan import Plan
from mcgurk.study.score import Figure

Key = tuple[str, str]
"""A contestant, and the modality taken from its test rows ("" for none)."""


class Board:
    """All results of a study.

    Args:
        plan, subject, cells: what was run on what.
        figure: the figure of merit.
    """

    def __init__(self, plan: Plan, subject: Subject, cells: Cells, figure: Figure) -> None:
        self.plan, self.subject, self.figure = plan, subject, figure
        self.protocol = plan.protocol
        self._cells: dict[str, list[Cell]] = {}
        self.failed: dict[str, tuple[str, str]] = {}
        self.notes: dict[tuple[str, str], list[str]] = {}
        for candidate in plan.candidates:
            found = [cell for fold in range(len(self.protocol.splits)) if (cell := cells.get(candidate.name, fold)) is not None]
            failure = next((cell.failure for cell in found if cell.failure), None)
            if failure:
                self.failed[candidate.name] = failure
            else:
                self._cells[candidate.name] = found
            for note in {note for cell in found for note in cell.notes}:
                self.notes.setdefault(note, []).append(candidate.name)
        self.candidates: tuple[Candidate, ...] = tuple(c for c in plan.candidates if c.name in self._cells)
        self._tables: dict[Key, list[np.ndarray]] = {}
        self._folds: dict[Key, np.ndarray] = {}
        self._draws: dict[Key, np.ndarray] = {}
        self._weights: dict[int, np.ndarray] = {}

    def cell(self, name: str, fold: int = 0) -> Cell:
        return self._cells[name][fold]

    def candidate(self, name: str) -> Candidate:
        return next(c for c in self.candidates if c.name == name)

    @cached_property
    def test_units(self) -> list[np.ndarray]:
        """Numbers of the tested things (rows, or steps) of each fold."""
        offsets = self.subject.target.offsets
        tests = [test for _, test in self.protocol.splits]
        return tests if offsets is None else [gather_steps(offsets, test)[0] for test in tests]

    @cached_property
    def test_clusters(self) -> list[np.ndarray]:
        """For every tested thing of each fold, the unit that a bootstrap draws."""
        return [self.protocol.unit[self.subject.unit_rows[units]] for units in self.test_units]

    def scores(self, name: str, fold: int, gone: str = "") -> np.ndarray:
        cell = self.cell(name, fold)
        return cell.without[gone] if gone else cell.scores

    def tables(self, name: str, gone: str = "") -> list[np.ndarray]:
        """Row statistics of the figure, fold by fold."""
        key = (name, gone)
        if key not in self._tables:
            self._tables[key] = [
                self.figure.table(self.subject.target, self.scores(name, fold, gone), units) for fold, units in enumerate(self.test_units)
            ]
        return self._tables[key]

    def per_fold(self, name: str, gone: str = "") -> np.ndarray:
        """(folds,) the figure on each fold."""
        key = (name, gone)
        if key not in self._folds:
            self._folds[key] = np.array([self.figure.value(table) for table in self.tables(name, gone)])
        return self._folds[key]

    def pooled(self, name: str, keep: np.ndarray | None = None) -> float:
        """The figure over all rows at once (mean over repeats); ``keep`` (n,) bool restricts the rows."""
        rows = self.subject.unit_rows
        out = []
        for repeat in range(self.protocol.repeats):
            parts = [
                table if keep is None else table[keep[rows[self.test_units[fold]]]]
                for fold, table in enumerate(self.tables(name))
                if self.protocol.repeat_of(fold) == repeat
            ]
            out.append(self.figure.value(np.concatenate(parts)))
        return float(np.mean(out))

    def score(self, name: str, gone: str = "") -> Estimate:
        """The figure with its interval."""
        if self.protocol.scheme == "given":
            return drawn(float(self.per_fold(name, gone)[0]), self._drawn(name, gone))
        return resampled(self.per_fold(name, gone), self.protocol.ratio).within(*self.figure.bounds)

    def gain(self, name: str, over: str, gone: str = "", over_gone: str = "", among: int = 1) -> Estimate:
        """How much better ``name`` is than ``over`` on the same rows; positive is better, whichever way the figure runs.

        ``among``: how many such intervals are to hold at once.
        """
        sign = 1.0 if self.figure.greater else -1.0
        folds = sign * (self.per_fold(name, gone) - self.per_fold(over, over_gone))
        if self.protocol.scheme == "given":
            return drawn(float(folds[0]), sign * (self._drawn(name, gone) - self._drawn(over, over_gone)), among)
        return resampled(folds, self.protocol.ratio, among)

    def _drawn(self, name: str, gone: str = "") -> np.ndarray:
        """(draws,) the figure on resampled units; the same draws for everybody, so differences are paired."""
        key = (name, gone)
        if key not in self._draws:
            _, code = np.unique(self.test_clusters[0], return_inverse=True)
            units = int(code.max()) + 1
            if units not in self._weights:
                self._weights[units] = weights(units, seeding.derive(self.plan.settings.seed, "bootstrap"))
            self._draws[key] = self.figure.resampled(self.tables(name, gone)[0], code, self._weights[units])
        return self._draws[key]

    def better(self, a: float, b: float) -> bool:
        return a > b if self.figure.greater else a < b

    def ranked(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Best first."""
        sign = -1.0 if self.figure.greater else 1.0
        return sorted(candidates, key=lambda c: (sign * self.score(c.name).value, c.simplicity, c.name))
