"""``compare``: does combining modalities help, by how much, and how sure is that?"""

from __future__ import annotations

import fnmatch
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk import registry, seeding
from mcgurk.data.coerce import as_dataset
from mcgurk.data.column import Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import spec_of
from mcgurk.data.target import Target
from mcgurk.errors import DataError, McgurkWarning, StoreError, listing
from mcgurk.files import sweep
from mcgurk.fusion.asked import everyone, methods
from mcgurk.registry import Candidate
from mcgurk.run import versions
from mcgurk.study import contest, facts, folder, verdict
from mcgurk.study import worth as comparisons
from mcgurk.study.board import Board
from mcgurk.study.cells import Cells
from mcgurk.study.comparison import Comparison
from mcgurk.study.contest import Progress, Subject
from mcgurk.study.plan import Plan, within
from mcgurk.study.protocol import given_split, protocol_of
from mcgurk.study.score import figure
from mcgurk.study.settings import Budget, Settings, decide_task, default_metric, encode
from mcgurk.study.winner import expected

TRAINED = ("layer", "recipe")
"""Families that train networks (others too may, as units)."""
TRAINING = ("epochs", "patience", "batch_size", "optim", "hidden", "dropout")


def compare(
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    task: str | None = None,
    budget: str | float | Budget = "standard",
    metric: str | None = None,
    folds: int | str | None = None,
    repeats: int | None = None,
    random_state: Any = 0,
    output: str | os.PathLike[str] | None = None,
    candidates: Sequence[Candidate | str] | None = None,
    fusions: Any = None,
    progress: bool | Progress | None = None,
) -> Comparison:
    """Fit every single modality and every combination on the same folds, and say in words which modalities earn their keep.

    Every contestant is fitted and tested on the same outer folds, which never cut a group. Differences are paired, fold by fold, with the
    corrected resampled t interval (repeated folds), or a bootstrap over groups (one given split). Contestants that choose something choose
    on inner folds. What is reported beside the recommendation is explained in the documentation, "What compare does and does not claim".

    When not to use it: to tune one method by hand (use scikit-learn's searches), or to test on rows that are not like those you will meet.

    Args:
        X: anything that fit takes. A row fact ``split`` with train and test is used as the one split, unless ``folds`` is a number.
        y: the target; rows without one (None, NaN) are left out and counted.
        groups: (n,) labels, or the name of a row fact; rows of a group are never separated. Default: the row fact ``group``.
        task: "classes", "multilabel", "number" or "count"; default by y's values (see :func:`mcgurk.study.settings.decide_task`).
        budget: "quick", "standard", "thorough", or minutes (20, "20m", "2h") to plan for; with ``fusions="all"`` quick plans for 15
            minutes and standard for 60.
        metric: name of a figure of :data:`mcgurk.metrics.METRICS`, or "log_mae"; default: accuracy (macro-F1 where a
            class holds over 60 %), or mae.
        folds: number of outer folds, or "given" for the data's own split; default: the given split if there is one, else the budget's.
        repeats: of the outer folds; default by the budget and the number of rows.
        random_state: seed of folds and fits.
        output: folder for plan, finished pieces, results, model and report; a killed run that is started again goes on from there.
        candidates: contestants instead of the rooms' own, or name patterns ("late:*") to choose among those; baselines always take part.
        fusions: fusion methods to enter besides the rooms' own contestants: "all", names ("mult,vilbert" or a list),
            "package.module:Class", pairs (name, {params}) or objects. One that cannot take these columns or this target is listed with
            the reason in ``result.refused``.
        progress: show a bar; or a function (done, total, what).

    Returns:
        A frozen :class:`~mcgurk.study.comparison.Comparison`.

    Raises:
        DataError: S01 too few rows or groups, C02 an option that cannot be meant, E06 no contestant could be fitted.
        StoreError: K02, ``output`` holds a run on other data or with other settings.

    Example:
        >>> from mcgurk.datasets import make_uniqueness
        >>> X, y = make_uniqueness(n=400, strength_b=1.0)
        >>> result = compare(X, y, budget="quick", candidates=["single:*", "early:linear*"], folds=3, repeats=1, progress=False)
        >>> result.facts["answer"], result.table["name"].iloc[0]
        ('helps', 'early:linear')
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", McgurkWarning)
        subject, unlabelled = _subject(X, y, groups, task)
        work = Budget.of(budget)
        settings = _settings(subject, work.limited() if everyone(fusions) else work, metric, folds, repeats, random_state)
        merit = figure(settings.metric, settings.task)
        protocol = protocol_of(subject.X, subject.target, subject.groups, settings)
        about = facts.facts_of(subject, protocol, unlabelled)
        facts.warn_of_leaks(subject, protocol, about["seen"])
    noticed: list[tuple[str, str, tuple[str, ...]]] = [
        (w.message.code, str(w.message), ()) for w in caught if isinstance(w.message, McgurkWarning)
    ]
    for code, sentence, _ in noticed:
        warnings.warn(McgurkWarning(sentence, code=code), stacklevel=2)
    entered, refused = contestants(subject, settings, candidates, fusions)
    kept, dropped, expected = within(entered, len(subject.X), len(protocol.splits), settings.budget.minutes)
    plan = Plan(settings, tuple(kept), protocol, facts.hashed(subject), dropped, expected, refused)
    where = None if output is None else Path(output)
    if where is not None:
        sweep(where)
        plan.bind(where, circumstances())
    cells = Cells(None if where is None else where / "cells", plan.sha256)
    contest.run(plan, subject, cells, progress)
    board = Board(plan, subject, cells, merit)
    if not board.candidates:
        name, (code, sentence) = next(iter(board.failed.items()))
        raise DataError(
            f"none of {len(plan.candidates)} contestants could be fitted; the first, {name}, said: {sentence} [{code}]", code="E06"
        )
    result = _concluded(board, about, noticed)
    return result if where is None else _stored(result, board, where)


def contestants(
    subject: Subject, settings: Settings, chosen: Sequence[Candidate | str] | None, fusions: Any
) -> tuple[list[Candidate], dict[str, str]]:
    """Who takes part: the rooms' contestants (or the caller's) and fusions asked for, names distinct, baselines first; and who cannot, why.

    Raises:
        DataError: C02, a pattern chooses nobody or a name repeats.
        UnknownName: a fusion asked for is not known.
    """
    spec, target = spec_of(subject.X), subject.target.spec
    own = [c for c in chosen or () if isinstance(c, Candidate)]
    patterns = [c for c in chosen or () if not isinstance(c, Candidate)]
    out = own or registry.candidates(spec, target, settings.budget.offer)
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(c.name, pattern) for c in out):
            raise DataError(f"no contestant is called {pattern!r}; there are {listing((c.name for c in out), 20)}", code="C02")
    if patterns:
        out = [c for c in out if c.family == "baseline" or any(fnmatch.fnmatchcase(c.name, p) for p in patterns)]
    more, refused = methods(spec, target, fusions, out)
    out = [*out, *more]
    names = [c.name for c in out]
    if len(set(names)) < len(names):
        raise DataError(f"contestants' names repeat: {listing(sorted({n for n in names if names.count(n) > 1}))}", code="C02")
    unknown = {name for c in out for name in c.columns} - set(spec)
    if unknown:
        raise DataError(
            f"contestants ask for columns that are not there: {listing(sorted(unknown))}; the data has {listing(spec)}", code="C02"
        )
    if not out:
        raise DataError("no room offers a contestant for these data; give candidates=[...]", code="C02")
    return sorted(out, key=lambda c: c.family != "baseline"), refused


def _subject(X: Any, y: Any, groups: Any, task: str | None) -> tuple[Subject, int]:
    """Labelled rows only, and how many were not."""
    dataset = as_dataset(X)
    if y is None:
        raise DataError("compare needs y, one label or number a row; in the command line, --target names its column")
    target = encode(y, decide_task(y, task))
    n = len(target.values) if target.offsets is None else len(target.offsets) - 1
    if n != len(dataset):
        raise DataError(f"y has {n} rows, X has {len(dataset)}; give one label or number a row")
    values = y if isinstance(y, Ragged) else np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    name = getattr(y, "name", None)
    subject = Subject(dataset, values, target, _groups(dataset, groups), "" if name is None else str(name))
    keep = target.labelled if target.offsets is None else np.ones(n, dtype=bool)
    if keep.all():
        return subject, 0
    rows = np.flatnonzero(keep)
    warnings.warn(McgurkWarning(f"{n - len(rows)} of {n} rows have no label and are left out", code="L03"), stacklevel=3)
    groups_kept = None if subject.groups is None else subject.groups[rows]
    return Subject(dataset[rows], subject.labels(rows), replace_target(target, rows), groups_kept, subject.name), n - len(rows)


def replace_target(target: Target, rows: np.ndarray) -> Target:
    """The target of some rows, statistics renewed."""
    return target.take(rows).with_statistics()


def _groups(X: Dataset, groups: Any) -> np.ndarray | None:
    """(n,) labels as text; None where there are none."""
    facts_there = [] if X.rows is None else list(map(str, X.rows.columns))
    if groups is None:
        groups = "group" if "group" in facts_there else None
    if groups is None:
        return None
    if isinstance(groups, str):
        if groups not in facts_there:
            raise DataError(f"groups={groups!r} is no row fact; there are {listing(facts_there) or 'none'}; or give one label a row")
        groups = X.rows[groups]  # type: ignore[index]
    values = np.asarray(groups.to_numpy() if hasattr(groups, "to_numpy") else groups)
    if values.shape != (len(X),):
        raise DataError(f"groups has shape {values.shape}, expected ({len(X)},): give one group a row")
    return values.astype(str)


def _settings(
    subject: Subject, budget: Budget, metric: str | None, folds: int | str | None, repeats: int | None, random_state: Any
) -> Settings:
    target = subject.target.spec
    task = str(target.task)
    if folds is None:
        folds = "given" if given_split(subject.X) is not None else budget.folds
    if not (folds == "given" or (isinstance(folds, int) and folds >= 2)):
        raise DataError(f"folds={folds!r}; give a number from 2 up, or 'given'", code="C02")
    times = 1 if folds == "given" else repeats or budget.repeats_for(len(subject.X))
    return Settings(task, metric or default_metric(target), budget, folds, times, seeding.resolve(random_state))


def gathered(notes: Mapping[tuple[str, str], list[str]]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Warnings of fits, those that differ only in their numbers told once: (code, sentence, contestants)."""
    alike: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
    for (code, sentence), names in notes.items():
        alike.setdefault((code, re.sub(r"\d+(\.\d+)?", "#", sentence)), []).append((sentence, names))
    out = []
    for (code, _), told in alike.items():
        more = f" (and {len(told) - 1} times with other numbers)" if len(told) > 1 else ""
        out.append((code, told[0][0] + more, tuple(sorted({name for _, names in told for name in names}))))
    return out


def circumstances() -> dict[str, Any]:
    """What the last digits depend on besides the seed: versions and threads."""
    import torch

    from mcgurk.config import config

    return {**versions(), "threads": config.threads or torch.get_num_threads()}


def _concluded(board: Board, about: Mapping[str, Any], noticed: list[tuple[str, str, tuple[str, ...]]]) -> Comparison:
    """Tables and sentences of a finished contest."""
    import pandas as pd

    best = comparisons.recommended(board)
    single = comparisons.best_single(board)
    shown = [best.name, *([single.name] if single else []), *(c.name for c in comparisons.combined(board)[:3])]
    worth = comparisons.modalities(board)
    gone = comparisons.missing(board, [best.name, *(c.name for c in board.ranked(board.candidates))])
    fold_scores = pd.DataFrame(
        [
            (c.name, board.protocol.repeat_of(fold), fold % board.protocol.folds, value, board.cell(c.name, fold).facts.get("chosen"))
            for c in board.candidates
            for fold, value in enumerate(board.per_fold(c.name))
        ],
        columns=["name", "repeat", "fold", "score", "chosen"],
    )
    merit = board.figure
    seen = gathered(board.notes)
    winner = _winner(board)
    return Comparison(
        sentences=verdict.sentences(board, worth, gone, best, winner, noticed),
        recommended=best.name,
        metric={"name": merit.name, "label": merit.label, "greater": merit.greater, "unit": merit.unit},
        table=comparisons.ranking(board),
        worth=worth,
        missing=gone,
        per_class=comparisons.per_class(board, shown[:2]),
        per_group=comparisons.per_group(board, best.name),
        folds=fold_scores,
        facts={
            **about,
            "threads": circumstances()["threads"],
            "protocol": board.protocol.sentence(board.plan.settings.seed),
            "main_recipe": comparisons.main_recipe(board, worth),
            "answer": verdict.answer(board),
            "winner": winner,
            "networks": networks(board.plan),
        },
        plan={**board.plan.body(), "sha256": board.plan.sha256},
        warnings=(*noticed, *sorted(seen)),
        failed=board.failed,
        refused=dict(board.plan.refused),
        versions=versions(),
    )


def _winner(board: Board) -> dict[str, Any]:
    """The contestant that came first, and what taking whichever comes first can be expected to reach."""
    rivals = verdict.rivals(board)
    e = expected(board, rivals)
    return {"name": board.ranked(rivals)[0].name, "among": len(rivals), "expected": e.value, "low": e.low, "high": e.high}


def networks(plan: Plan) -> dict[str, Any]:
    """The settings that every trained network shares; several values where contestants differ, none where nothing trains by epochs."""
    made = [c.make() for c in plan.candidates if c.family in TRAINED]
    known = [m.get_params(deep=False) for m in made if hasattr(m, "get_params")]
    told = {key: list(dict.fromkeys(str(p[key]) for p in known if key in p)) for key in TRAINING}
    return {key: values[0] if len(values) == 1 else values for key, values in told.items() if values}


def _stored(result: Comparison, board: Board, where: Path) -> Comparison:
    """Model, report and results in the run's folder; the model is the recommended contestant, fitted on all rows."""
    path = where / "model.mcgurk"
    chosen = board.candidate(result.recommended)
    model = contest.fitted(
        chosen,
        board.subject.X.select(chosen.columns) if chosen.columns else board.subject.X,
        board.subject,
        np.arange(len(board.subject.X)),
        seeding.derive(board.plan.settings.seed, "final", chosen.name),
    )
    try:
        model.save(path)
        result = replace(result, model=path)
    except StoreError as error:
        sentence = f"{chosen.label or chosen.name} is a reference that cannot be saved ({error})"
        result = replace(result, warnings=(*result.warnings, (error.code, sentence, (chosen.name,))))
    result.report(where / "report.html")
    folder.write_results(where, {**result.body(), "model": None if result.model is None else path.name}, board.plan.sha256)
    return result
