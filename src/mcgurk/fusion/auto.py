"""The default: let simple methods compete on inner folds, and keep the simplest that is good enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcgurk.base import Estimator, FitData
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import ColumnSpec, Spec
from mcgurk.data.target import Target, TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion.decision import Decision
from mcgurk.fusion.graph import FusionGraph, Source
from mcgurk.fusion.graph_model import GraphModel
from mcgurk.fusion.kernel_unit import KernelUnit
from mcgurk.fusion.linear_unit import LinearUnit
from mcgurk.fusion.network_unit import NetworkUnit
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.side_by_side import SideBySide
from mcgurk.fusion.single import NARROW, reduction
from mcgurk.fusion.stacking import Stacking
from mcgurk.fusion.trees_unit import TreesUnit
from mcgurk.fusion.unit import inner_folds, row_loss, stratum
from mcgurk.roles import Predictor, prior_scores
from mcgurk.run import Run

NETWORK_ROWS = 1000
KERNEL_ROWS = 5000


class Auto(Recipe):
    """Single modalities, stacks of one modality's units, early fusion, late and hybrid stacking compete by out-of-fold loss; of those within one
    standard error of the best the one with the fewest modalities is kept, and of these the one with the least loss.

    Every base unit decides out of fold once (five inner folds, groups whole); stacks are judged by cross-fitting their meta-model over those
    decisions. The standard error is that of the paired difference to the best, clustered by group. So a useless modality does no harm: without a
    gain that can be told from noise it is left out.

    Not for: effects that need a network to see them and thousands of rows; name a layer then.

    Args:
        folds: inner folds.
        tolerance: how many standard errors count as equal.
        columns: which; None for all.

    Source: van der Laan, Polley, Hubbard 2007, Stat. Appl. Genet. Mol. Biol. 6:25 (cross-validated library); Breiman, Friedman, Olshen, Stone 1984,
        Classification and Regression Trees, section 3.4.3 (one standard error).

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = {"useful": rng.normal(size=(120, 2)), "noise": rng.normal(size=(120, 2))}
        >>> model = FusionClassifier().fit(X, X["useful"][:, 0] > 0)
        >>> model.model_.winner_
        'single: useful'
    """

    def __init__(self, *, folds: int = 5, tolerance: float = 1.0, columns: tuple[str, ...] | None = None) -> None:
        self.folds = folds
        self.tolerance = tolerance
        self.columns = columns

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        return AutoModel(encoders=estimator.encoders, folds=self.folds, tolerance=self.tolerance, columns=self.columns)


@dataclass(frozen=True)
class Choice:
    """A contestant: the node that answers, its inputs if it is a stack, and how many modalities it needs."""

    name: str
    node: str
    inputs: tuple[str, ...]
    modalities: int


class AutoModel(Predictor, Estimator):
    """A fitted :class:`Auto`.

    Attributes:
        winner_: name of the kept contestant.
        table_: one line a contestant: name, out-of-fold loss, difference to the best, its standard error.
        model_: the winner, a fitted GraphModel, or None where nothing beat the prior.
    """

    def __init__(self, *, encoders: Any = None, folds: int = 5, tolerance: float = 1.0, columns: tuple[str, ...] | None = None) -> None:
        self.encoders = encoders
        self.folds = folds
        self.tolerance = tolerance
        self.columns = columns

    def _fit(self, data: FitData, run: Run) -> None:
        spec = {n: s for n, s in data.spec.items() if self.columns is None or n in self.columns}
        nodes, choices = library(spec, self.encoders, data)
        machine = _machine(FusionGraph(nodes, "everything"), self, data)
        table, y = machine.encode(data, run)
        rows = machine.labelled_rows(data, y)
        if len(np.unique(machine.row_groups(data, rows))) < 2:
            raise DataError("auto needs at least two groups of rows to hold out in turn; there is one: name a method instead", code="S01")
        with run.threaded(machine.work(table, rows)):
            machine.nodes_ = machine.fit_units(data, table, y, rows, run)
            held = machine.out_of_fold(data, table, y, rows, run)
        flat = table.flat(rows)
        groups = machine.row_groups(data, rows)
        groups = groups if table.offsets is None else np.repeat(groups, np.diff(table.offsets)[rows])
        part = y.take(flat).with_statistics()
        weight = np.ones(len(flat)) if data.weight is None else np.repeat(data.weight[rows], 1 if table.offsets is None else np.diff(table.offsets)[rows])
        losses = self._losses(choices, held, part, weight, groups, run, table.bounds(rows))
        winner = self._elect(choices, losses, weight, groups)
        self.winner_ = winner.name
        self.model_ = None if winner.node == "" else self._keep(winner, machine, held, data, table, y, rows, run)

    def _losses(
        self, choices: list[Choice], held: dict[str, Decision], y: Target, weight: np.ndarray, groups: np.ndarray, run: Run, bounds: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Out-of-fold loss of every contestant on every row."""
        out = {}
        folds = inner_folds(groups, stratum(y), self.folds, run.inner("judge"))
        prior = np.tile(prior_scores(y.spec), (len(y.values), 1))
        for choice in choices:
            if choice.node == "":
                scores = prior
            elif not choice.inputs:
                scores = held[choice.node].filled(y.spec)
            else:
                scores = self._cross_fitted({i: held[i] for i in choice.inputs}, y, weight, groups, folds, run, bounds)
            out[choice.name] = row_loss(scores, y)
        return out

    def _cross_fitted(
        self, decisions: dict[str, Decision], y: Target, weight: np.ndarray, groups: np.ndarray, folds: Any, run: Run, bounds: np.ndarray | None
    ) -> np.ndarray:
        scores = np.tile(prior_scores(y.spec), (len(y.values), 1)).astype(float)
        for number, (train, test) in enumerate(folds):
            fitted = Stacking().fit(
                {n: _rows(d, train) for n, d in decisions.items()}, y.take(train).with_statistics(), weight[train], groups[train], run.inner("judge", number), _bounds(bounds, train)
            )
            scores[test] = fitted.combine({n: _rows(d, test) for n, d in decisions.items()}, _bounds(bounds, test)).filled(y.spec)
        return scores

    def _elect(self, choices: list[Choice], losses: dict[str, np.ndarray], weight: np.ndarray, groups: np.ndarray) -> Choice:
        means = {c.name: _mean(losses[c.name], weight) for c in choices}
        best = min(choices, key=lambda c: (means[c.name], c.modalities))
        lines = []
        good = []
        for choice in choices:
            error = _paired_error(losses[choice.name] - losses[best.name], weight, groups)
            gap = means[choice.name] - means[best.name]
            lines.append({"name": choice.name, "loss": means[choice.name], "difference": gap, "error": error, "modalities": choice.modalities})
            if gap <= self.tolerance * error or choice is best:
                good.append(choice)
        self.table_ = sorted(lines, key=lambda line: line["loss"])
        return min(good, key=lambda c: (c.modalities, means[c.name]))

    def _keep(
        self, winner: Choice, machine: GraphModel, held: dict[str, Decision], data: FitData, table: Any, y: Target, rows: np.ndarray, run: Run
    ) -> GraphModel:
        """The winner with its encoders, its units (fitted on all training rows) and decision fusion learned from its out-of-fold decisions."""
        graph = machine.graph.part(winner.node)
        kept = _machine(graph, self, data)
        kept.encoders_ = {n: machine.encoders_[n] for n in graph.sources}
        kept.scaling_ = {n: machine.scaling_[n] for n in graph.sources}
        kept.nodes_ = {n: machine.nodes_[n] for n in graph.order if n in machine.nodes_}
        kept.fit_decisions({n: d for n, d in held.items() if n in graph.nodes}, data, table, y, rows, run)
        return kept

    def _scores(self, X: Dataset) -> np.ndarray:
        if self.model_ is not None:
            return self.model_._scores(X)
        from mcgurk.fusion.average import AverageModel

        average = AverageModel()
        average.target_ = self.target_
        return average._scores(X)

    def parameters(self) -> int:
        """Learned numbers of the winner."""
        return self.target_.columns if self.model_ is None else self.model_.parameters()


def library(spec: Spec, encoders: Any, data: FitData) -> tuple[dict[str, Any], list[Choice]]:
    """Nodes of every base unit and stack, and the contestants among them."""
    nodes: dict[str, Any] = {}
    choices = [Choice("prior", "", (), 0)]
    everything: list[str] = []
    tops: list[str] = []
    for column, column_spec in spec.items():
        views = _views(column, column_spec, encoders)
        units = [(view, "linear", LinearUnit()) for view in views]
        if column_spec.kind in NARROW:
            units.append((next(iter(views)), "trees", TreesUnit()))
            if len(data.train_rows) <= KERNEL_ROWS:
                units.append((next(iter(views)), "kernel", KernelUnit()))
        own = []
        for view, encoder in views.items():
            nodes[view] = Source(column, encoder)
        for view, kind, unit in units:
            label = f"{view} {kind}"
            reduce = reduction(unit)
            nodes[f"{label} features"] = (SideBySide(reduce=reduce), (view,))
            nodes[label] = (unit, (f"{label} features",))
            name = f"single: {column}" + ("" if kind == "linear" and view == column else f" ({label.removeprefix(column).strip(' ·')})")
            choices.append(Choice(name, label, (), 1))
            own.append(label)
        everything += own
        if len(own) > 1:
            nodes[f"{column} stack"] = (Stacking(), tuple(own))
            choices.append(Choice(f"single: {column} (stack)", f"{column} stack", tuple(own), 1))
        tops.append(own[0])
    if len(spec) > 1:
        columns = tuple(spec)
        early: list[tuple[str, Any]] = [("linear", LinearUnit()), ("trees", TreesUnit())]
        if len(data.train_rows) >= NETWORK_ROWS:
            early.append(("network", NetworkUnit()))
        for kind, unit in early:
            label = f"early {kind}"
            nodes[f"{label} features"] = (SideBySide(reduce=reduction(unit)), columns)
            nodes[label] = (unit, (f"{label} features",))
            choices.append(Choice(f"early: {kind}", label, (), len(spec)))
        nodes["late"] = (Stacking(), tuple(tops))
        choices.append(Choice("late: stacking", "late", tuple(tops), len(spec)))
        nodes["late all"] = (Stacking(), tuple(everything))
        if set(everything) != set(tops):
            choices.append(Choice("late: stacking of all units", "late all", tuple(everything), len(spec)))
        everything = [*everything, *(f"early {kind}" for kind, _ in early)]
    nodes["everything"] = (Stacking(), tuple(everything))
    if len(spec) > 1:
        choices.append(Choice("hybrid: stacking of everything", "everything", tuple(everything), len(spec)))
    return nodes, choices


def _views(column: str, spec: ColumnSpec, encoders: Any) -> dict[str, Any]:
    """Ways to encode a column: the chosen or default one first; for text also its exact words."""
    from mcgurk.fusion.graph_model import _choice
    from mcgurk.train.features import default_encoder

    chosen = _choice(encoders, column, spec.kind)
    views: dict[str, Any] = {column: chosen}
    if spec.kind == "text" and chosen == "auto" and default_encoder(spec) != "tfidf":
        views[f"{column} · words"] = ("tfidf", {"components": "full"})
    return views


def _machine(graph: FusionGraph, model: AutoModel, data: FitData) -> GraphModel:
    made = GraphModel(graph, encoders=model.encoders, folds=model.folds)
    made.spec_, made.target_ = data.spec, data.target
    return made


def _rows(decision: Decision, rows: np.ndarray) -> Decision:
    return Decision(decision.scores[rows], decision.present[rows])


def _bounds(bounds: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """Offsets of the sequences among chosen steps; whole sequences are chosen, because sequences are never cut by folds."""
    if bounds is None:
        return None
    of_step = np.searchsorted(bounds, rows, side="right") - 1
    counts = np.bincount(of_step, minlength=len(bounds) - 1)
    return np.concatenate([[0], np.cumsum(counts[counts > 0])])


def _mean(loss: np.ndarray, weight: np.ndarray) -> float:
    known = ~np.isnan(loss)
    return float(np.average(loss[known], weights=weight[known])) if known.any() else float("inf")


def _paired_error(difference: np.ndarray, weight: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of a weighted mean difference, rows of one group counted together."""
    known = ~np.isnan(difference)
    d, w, g = difference[known], weight[known], np.unique(groups[known], return_inverse=True)[1]
    if len(d) == 0:
        return 0.0
    centred = w * (d - np.average(d, weights=w))
    sums = np.bincount(g, weights=centred)
    m = max(len(sums), 2)
    return float(np.sqrt((sums**2).sum() * m / (m - 1)) / w.sum())
