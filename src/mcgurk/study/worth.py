"""What is compared with what: everything with the best single modality, a recipe with itself minus one modality, and with one gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.registry import Candidate
from mcgurk.study.board import Board
from mcgurk.study.interval import Estimate, adjusted, drawn, weights

if TYPE_CHECKING:
    import pandas as pd

LEAST_ROWS = 10
LARGE = 0.05
"""Share of the rows from which a group is large enough to be looked at on its own."""
SHOWN_GROUPS = 12


def best_single(board: Board) -> Candidate | None:
    """The single modality with the best figure. It is picked on the outer folds, which flatters it: beating it is a little too hard."""
    single = [c for c in board.candidates if c.family == "single"]
    return board.ranked(single)[0] if single else None


def combined(board: Board) -> list[Candidate]:
    """Contestants that use several modalities, baselines aside, best first."""
    return board.ranked([c for c in board.candidates if len(c.columns) > 1 and c.family != "baseline"])


def recommended(board: Board) -> Candidate:
    """The simplest contestant within one standard error (of the paired difference) of the best; automatic choices stand aside.

    Wide intervals put much within one standard error, but what may be worth nothing is no advice. So where any contestant is shown to beat
    the simplest baseline (the interval of the paired difference leaves out 0), only such are eligible. Where none is, simplicity would
    decide alone: then it is that baseline if it is within one standard error of the best, else the best.
    """
    able = [c for c in board.candidates if c.family != "auto"] or list(board.candidates)
    floor = simplest_baseline(board)
    if floor is not None:
        proven = [c for c in able if board.gain(c.name, floor.name).clear > 0]
        if not proven:
            best = board.ranked(able)[0]
            return floor if _near(board, floor, best) else best
        able = proven
    best = board.ranked(able)[0]
    return min((c for c in able if _near(board, c, best)), key=lambda c: (c.simplicity, len(c.columns), c.cost, c.name))


def _near(board: Board, c: Candidate, best: Candidate) -> bool:
    """Whether it is within one standard error of the best."""
    return c is best or not (gap := board.gain(best.name, c.name)).value > gap.error


def simplest_baseline(board: Board) -> Candidate | None:
    """The baseline that knows least, such as the average; None where none ran."""
    return min(baselines(board), key=lambda c: c.simplicity, default=None)


def ranking(board: Board) -> pd.DataFrame:
    """One line a contestant, best first: figure, interval, gain over the best single modality, time, size, paper.

    The gains of contestants that combine modalities are as many tests: p is adjusted by Holm, and ``gain_all_low`` to ``gain_all_high``
    are intervals that hold for all of them at once (Bonferroni).
    """
    import pandas as pd

    single = best_single(board)
    simple = baselines(board)
    tests = len(combined(board))
    lines = []
    for c in board.ranked(board.candidates):
        own = board.score(c.name)
        facts = [board.cell(c.name, fold).facts for fold in range(len(board.protocol.splits))]
        line: dict[str, Any] = {
            "name": c.name,
            "label": c.label or c.name,
            "family": c.family,
            "recipe": c.recipe,
            "columns": c.columns,
            "score": own.value,
            "low": own.low,
            "high": own.high,
            "pooled": board.pooled(c.name),
            **own_rows(board, c),
            **_spread("gain", board.gain(c.name, single.name) if single and single is not c else None),
            **_wider(board, c, single, tests),
            **_spread("over_baseline", board.gain(c.name, simple[0].name) if simple and c is not simple[0] else None),
            "fit_seconds": float(np.mean([f["fit_seconds"] for f in facts])),
            "predict_seconds": float(np.mean([f["predict_seconds"] for f in facts])),
            "parameters": facts[0].get("parameters"),
            "operations": facts[0].get("operations"),
            "bytes": facts[0].get("bytes"),
            "paper": c.paper,
            "note": c.note,
        }
        lines.append(line)
    table = pd.DataFrame(lines)
    rivals = (table["columns"].map(len) > 1) & (table["family"] != "baseline")
    table["gain_p_holm"] = np.nan
    table.loc[rivals, "gain_p_holm"] = adjusted(table.loc[rivals, "gain_p"].to_numpy(dtype=float))
    return table


def _wider(board: Board, c: Candidate, single: Candidate | None, tests: int) -> dict[str, float]:
    """The interval of a combination's gain that holds at once with those of all others."""
    if single is None or len(c.columns) < 2 or c.family == "baseline":
        return {"gain_all_low": np.nan, "gain_all_high": np.nan}
    wide = board.gain(c.name, single.name, among=tests)
    return {"gain_all_low": wide.low, "gain_all_high": wide.high}


def own_rows(board: Board, c: Candidate) -> dict[str, float]:
    """The share of rows in which the contestant sees anything, and its figure (all folds pooled) on those rows."""
    X = board.subject.X
    seen = np.asarray(X.select(c.columns).present.any(axis=1)) if c.columns else np.ones(len(X), dtype=bool)
    return {"seen": float(seen.mean()), "on_seen": board.pooled(c.name, seen) if seen.any() else np.nan}


def baselines(board: Board) -> list[Candidate]:
    """Baselines that ran, best first."""
    return board.ranked([c for c in board.candidates if c.family == "baseline"])


def modalities(board: Board) -> pd.DataFrame:
    """A modality's worth: the same recipe with and without it, for every recipe and every set that was run; Holm over each recipe.

    ``all`` marks the lines where the recipe starts from every modality.
    """
    import pandas as pd

    every = max((len(c.columns) for c in board.candidates), default=0)
    found: dict[tuple[str, frozenset[str]], Candidate] = {
        (c.recipe, frozenset(c.columns)): c for c in board.candidates if c.family != "baseline"
    }
    lines = []
    for (recipe, columns), full in found.items():
        for name in sorted(columns):
            less = found.get((recipe, columns - {name}))
            if len(columns) > 1 and less is not None:
                lines.append(
                    {
                        "modality": name,
                        "recipe": recipe,
                        "all": len(columns) == every,
                        "with": full.name,
                        "without": less.name,
                        "score_with": board.score(full.name).value,
                        "score_without": board.score(less.name).value,
                        **_spread("worth", board.gain(full.name, less.name)),
                    }
                )
    columns_ = [
        "modality",
        "recipe",
        "all",
        "with",
        "without",
        "score_with",
        "score_without",
        "worth",
        "worth_low",
        "worth_high",
        "worth_error",
        "worth_p",
    ]
    table = pd.DataFrame(lines, columns=columns_)
    table["worth_p_holm"] = np.nan
    for _, rows in table.groupby(["recipe", "all"]).groups.items():
        table.loc[rows, "worth_p_holm"] = adjusted(table.loc[rows, "worth_p"].to_numpy(dtype=float))
    return table


def main_recipe(board: Board, worth: pd.DataFrame) -> str | None:
    """The recipe whose lines tell the story: all modalities, each taken away once; the best such recipe, an automatic choice last."""
    names = set(worth.loc[worth["all"], "recipe"])
    able = [c for c in board.candidates if c.recipe in names and f"{c.recipe}" and len(c.columns) > 1]
    able = [c for c in able if (worth["with"] == c.name).any() and worth.loc[worth["with"] == c.name, "all"].all()]
    ranked = board.ranked(able)
    return next((c.recipe for c in ranked if c.family != "auto"), ranked[0].recipe if ranked else None)


def missing(board: Board, names: Sequence[str]) -> pd.DataFrame:
    """What each contestant loses when a modality is absent from every test row, the fitted model unchanged."""
    import pandas as pd

    lines = []
    for name in dict.fromkeys(names):
        for gone in board.cell(name).without:
            own, less = board.score(name), board.score(name, gone)
            change = board.gain(name, name, gone)
            lines.append(
                {
                    "name": name,
                    "modality": gone,
                    "score": own.value,
                    "score_gone": less.value,
                    "gone_low": less.low,
                    "gone_high": less.high,
                    **_spread("change", change),
                }
            )
    return pd.DataFrame(
        lines,
        columns=[
            "name",
            "modality",
            "score",
            "score_gone",
            "gone_low",
            "gone_high",
            "change",
            "change_low",
            "change_high",
            "change_error",
            "change_p",
        ],
    )


def per_class(board: Board, names: Sequence[str]) -> pd.DataFrame:
    """Share of each class that is found (recall) and precision, over all folds of the first repeat, with bootstrap intervals over units."""
    import pandas as pd

    spec = board.subject.target.spec
    columns = ["name", "class", "rows", "recall", "recall_low", "recall_high", "precision", "precision_low", "precision_high"]
    if spec.task != "classes":
        return pd.DataFrame(columns=columns)
    folds = range(board.protocol.folds)
    units = np.concatenate([board.test_units[f] for f in folds])
    known = board.subject.target.labelled[units]
    truth = board.subject.target.values[units][known]
    _, cluster = np.unique(np.concatenate([board.test_clusters[f] for f in folds])[known], return_inverse=True)
    draws = weights(int(cluster.max()) + 1, board.plan.settings.seed, 500)
    lines = []
    for name in dict.fromkeys(names):
        said = np.concatenate([board.scores(name, f) for f in folds])[known].argmax(axis=1)
        for code, label in enumerate(spec.classes):
            parts = np.stack([(said == code) & (truth == code), truth == code, said == code], axis=1).astype(float)
            sums = np.zeros((draws.shape[1], 3))
            np.add.at(sums, cluster, parts)
            hit, true, given = parts.sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                drawn_hit, drawn_true, drawn_given = (draws @ sums).T
                recall = drawn(hit / true if true else np.nan, drawn_hit / drawn_true)
                precision = drawn(hit / given if given else np.nan, drawn_hit / drawn_given)
            lines.append([name, label, int(true), recall.value, recall.low, recall.high, precision.value, precision.low, precision.high])
    return pd.DataFrame(lines, columns=columns)


def per_group(board: Board, name: str) -> pd.DataFrame:
    """The figure on the largest groups, on all rows without the largest one, and averaged over groups; empty where no group is large."""
    import pandas as pd

    groups = board.subject.groups
    if groups is None:
        return pd.DataFrame(columns=["group", "rows", "score"])
    tested = np.zeros(len(groups), dtype=bool)
    for _, test in board.protocol.splits:
        tested[test] = True
    labels, counts = np.unique(groups[tested], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    if counts.max() < LARGE * tested.sum():
        return pd.DataFrame(columns=["group", "rows", "score"])
    lines: list[list[Any]] = [["all rows", int(tested.sum()), board.pooled(name)]]
    if len(labels) > 1:
        largest = labels[order[0]]
        lines.append(
            [f"without the largest group ({largest})", int((tested & (groups != largest)).sum()), board.pooled(name, groups != largest)]
        )
    for k in order[:SHOWN_GROUPS]:
        if counts[k] >= LEAST_ROWS:
            lines.append([str(labels[k]), int(counts[k]), board.pooled(name, groups == labels[k])])
    return pd.DataFrame(lines, columns=["group", "rows", "score"])


def _spread(name: str, e: Estimate | None) -> dict[str, float]:
    """An estimate as columns ``name, name_low, name_high, name_error, name_p``."""
    if e is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high", f"{name}_error", f"{name}_p"), np.nan)
    return {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high, f"{name}_error": e.error, f"{name}_p": e.p}
