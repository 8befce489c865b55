"""Every contestant on every fold: fit, predict, predict again with each modality gone; finished pieces are kept at once."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk import seeding
from mcgurk.config import config
from mcgurk.data.column import Column, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.target import Target
from mcgurk.errors import DataError, McgurkError, McgurkWarning, StoreError
from mcgurk.registry import Candidate
from mcgurk.study.cells import Cell, Cells
from mcgurk.study.plan import Plan

Progress = Callable[[float, float, str], None]


@dataclass(frozen=True, eq=False)
class Subject:
    """The data of a study, ready to be cut into folds: labelled rows only, ``y`` as given (with its name, where it has one) and encoded."""

    X: Dataset
    y: Any
    target: Target
    groups: np.ndarray | None
    name: str = ""

    @property
    def unit_rows(self) -> np.ndarray:
        """(units,) the row of each thing that is predicted: the rows themselves, or the row of each step."""
        offsets = self.target.offsets
        return np.arange(len(self.X)) if offsets is None else np.repeat(np.arange(len(self.X)), np.diff(offsets))

    def labels(self, rows: np.ndarray) -> Any:
        """``y`` of some rows, in the caller's own values."""
        return self.y.take(rows) if isinstance(self.y, Ragged) else self.y[rows]


def run(plan: Plan, subject: Subject, cells: Cells, progress: bool | Progress | None = None) -> None:
    """Fill ``cells`` with everything the plan asks for that is not there yet."""
    from mcgurk.train.features import sharing

    todo = [
        (fold, candidate)
        for fold in range(len(plan.protocol.splits))
        for candidate in plan.candidates
        if cells.get(candidate.name, fold) is None
    ]
    with _bar(progress, sum(c.cost for _, c in todo), len(todo)) as step:
        for fold, group in groupby(todo, key=lambda pair: pair[0]):
            with sharing():
                for _, candidate in group:
                    step(0.0, f"fold {fold + 1} of {len(plan.protocol.splits)}: {candidate.label or candidate.name}")
                    cells.put(play(candidate, fold, plan, subject))
                    step(candidate.cost, "")


def play(candidate: Candidate, fold: int, plan: Plan, subject: Subject) -> Cell:
    """One contestant on one fold. A fault of the method is recorded, and the study goes on; a full disk or memory stops it."""
    train, test = plan.protocol.splits[fold]
    X = subject.X.select(candidate.columns) if candidate.columns else subject.X
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", McgurkWarning)
        try:
            started = time.perf_counter()
            model = fitted(candidate, X[train], subject, train, seeding.derive(plan.settings.seed, "fit", candidate.name, fold))
            fitting = time.perf_counter() - started
            started = time.perf_counter()
            scores = scores_of(model, X[test], subject.target)
            predicting = time.perf_counter() - started
            heard = len(caught)  # rows left without any modality by what follows are the experiment, and no news
            gone = candidate.columns if len(candidate.columns) > 1 else ()
            without = {name: scores_of(model, absent(X[test], name), subject.target) for name in gone}
            facts = {
                "fit_seconds": fitting,
                "predict_seconds": predicting,
                "chosen": chosen(model),
                **(size(model, X[test]) if fold == 0 else {}),
            }
        except (OSError, MemoryError):
            raise
        except Exception as error:
            code = error.code if isinstance(error, McgurkError) else "E99"
            text = str(error) if isinstance(error, McgurkError) else f"{type(error).__name__}: {error}"
            return Cell(
                candidate.name, fold, np.zeros((0, 0)), failure=(code, text.splitlines()[0][:500] if text else type(error).__name__)
            )
    notes = tuple(dict.fromkeys((w.message.code, str(w.message)) for w in caught[:heard] if isinstance(w.message, McgurkWarning)))
    return Cell(candidate.name, fold, scores, without, facts, notes)


def fitted(candidate: Candidate, X: Dataset, subject: Subject, rows: np.ndarray, seed: int) -> Any:
    """A fresh estimator of the candidate, fitted on ``rows``."""
    model = candidate.make()
    if "random_state" in model.get_params(deep=False):
        model.set_params(random_state=seed % 2**31)
    groups = None if subject.groups is None else subject.groups[rows]
    return model.fit(X, subject.labels(rows), groups=groups)


def scores_of(model: Any, X: Dataset, target: Target) -> np.ndarray:
    """(units, k) probabilities in the order of all classes, (units, labels) probabilities, or (units, k) numbers."""
    spec = target.spec
    if spec.task in ("classes", "multilabel"):
        probability = np.asarray(model.predict_proba(X), dtype=np.float64)
        if spec.task == "multilabel" or len(model.classes_) == len(spec.classes):
            return probability
        place = {label: i for i, label in enumerate(spec.classes)}
        out = np.zeros((len(probability), len(spec.classes)))
        out[:, [place[label] for label in model.classes_.tolist()]] = probability
        return out
    values = np.asarray(model.predict(X), dtype=np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"{int((~np.isfinite(values)).sum())} predictions are not finite", code="N03")
    return values.reshape(len(values), -1)


def absent(X: Dataset, name: str) -> Dataset:
    """``X`` with one modality observed in no row."""
    column: Column = X[name]
    return X.with_column(name, replace(column, present=np.zeros(len(X), dtype=bool)))


def chosen(model: Any) -> str | None:
    """Whom an automatic choice elected, where the model says so."""
    inner = getattr(model, "model_", None)
    name = getattr(model, "winner_", getattr(inner, "winner_", None))
    return None if name is None else str(name)


def size(model: Any, X: Dataset) -> dict[str, Any]:
    """Learned numbers, multiply-accumulates a row, and bytes when saved; None for what a model does not tell of itself."""
    facts: dict[str, Any] = {"parameters": None, "operations": None, "bytes": None}
    with contextlib.suppress(AttributeError, DataError):  # counting is a courtesy that strangers' models need not pay
        facts["parameters"] = int(model.parameters())
        facts["operations"] = float(model.profile(X).macs)
    with tempfile.TemporaryDirectory(prefix="mcgurk-") as folder, contextlib.suppress(StoreError):
        path = Path(folder) / "model.mcgurk"
        model.save(path)
        facts["bytes"] = path.stat().st_size
    return facts


@contextlib.contextmanager
def _bar(progress: bool | Progress | None, total: float, count: int) -> Iterator[Callable[[float, str], None]]:
    """A step function behind a bar whose time left goes by the contestants' cost, not by their number."""
    done = 0.0
    if callable(progress):

        def told(cost: float, label: str) -> None:
            nonlocal done
            done += cost
            if label:
                progress(done, total, label)

        yield told
        return
    if not (config.shows_progress if progress is None else progress) or not count:
        yield lambda cost, label: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn(), TimeRemainingColumn(compact=True))
    with Bar(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=total)

        def shown(cost: float, label: str) -> None:
            bar.update(task, advance=cost, description=label[:48].ljust(48) if label else None)

        yield shown
