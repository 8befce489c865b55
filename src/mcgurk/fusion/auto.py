"""The default: let simple methods compete on inner folds, and keep the simplest that is good enough."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.base import Estimator, FitData
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.target import Target, TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion.average import AverageModel
from mcgurk.fusion.decision import Decision
from mcgurk.fusion.graph import FusionGraph
from mcgurk.fusion.graph_model import GraphModel
from mcgurk.fusion.library import Choice, Library
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.stacking import Stacking
from mcgurk.fusion.unit import inner_folds, stratum
from mcgurk.roles import Predictor, prior_scores
from mcgurk.run import Run
from mcgurk.train.profile import Part, Profile
from mcgurk.train.readout import row_loss

ALL_UNITS = ("linear", "trees", "kernel", "network")


class Auto(Recipe):
    """Single modalities, stacks of one modality's units, early fusion, late and hybrid stacking compete by out-of-fold loss; of those
    within one standard error of the best the one with the fewest modalities is kept, and of these the one with the least loss.

    Every base unit decides out of fold once (five inner folds, groups whole); stacks are judged by cross-fitting their meta-model over
    those decisions. The standard error is that of the paired difference to the best, clustered by group. So a useless modality does no
    harm: without a gain that can be told from noise it is left out.

    Not for: effects that need a network to see them and thousands of rows; name a layer then.

    Args:
        folds: inner folds.
        tolerance: how many standard errors count as equal.
        columns: which; None for all.
        units: names of the units that compete.

    Shapes: M columns of n rows -> scores (n, k).

    Source: van der Laan, Polley, Hubbard 2007, Stat. Appl. Genet. Mol. Biol. 6:25 (cross-validated library); Breiman, Friedman, Olshen,
        Stone 1984, Classification and Regression Trees, section 3.4.3 (one standard error).

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = {"useful": rng.normal(size=(120, 2)), "noise": rng.normal(size=(120, 2))}
        >>> model = FusionClassifier().fit(X, X["useful"][:, 0] > 0)
        >>> model.model_.winner_.startswith("single: useful")
        True
    """

    def __init__(
        self, *, folds: int = 5, tolerance: float = 1.0, columns: tuple[str, ...] | None = None, units: tuple[str, ...] = ALL_UNITS
    ) -> None:
        self.folds = folds
        self.tolerance = tolerance
        self.columns = columns
        self.units = units

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        return AutoModel(encoders=estimator.encoders, folds=self.folds, tolerance=self.tolerance, columns=self.columns, units=self.units)


class AutoModel(Predictor, Estimator):
    """A fitted :class:`Auto`: the table of the competition, and its winner.

    Attributes:
        winner_: name of the kept contestant.
        table_: one line a contestant: name, out-of-fold loss, difference to the best, its standard error.
        model_: the winner, a fitted GraphModel, or None where nothing beat the prior.

    Source: see :class:`Auto`.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionRegressor
        >>> x = np.linspace(-1, 1, 60)[:, None]
        >>> model = FusionRegressor(fusion=("auto", {"units": ("linear",)})).fit({"x": x}, 2 * x[:, 0])
        >>> model.model_.winner_, [line["name"] for line in model.model_.table_]
        ('single: x', ['single: x', 'prior'])
    """

    def __init__(
        self,
        *,
        encoders: Any = None,
        folds: int = 5,
        tolerance: float = 1.0,
        columns: tuple[str, ...] | None = None,
        units: tuple[str, ...] = ALL_UNITS,
    ) -> None:
        self.encoders = encoders
        self.folds = folds
        self.tolerance = tolerance
        self.columns = columns
        self.units = units

    def _fit(self, data: FitData, run: Run) -> None:
        spec = {n: s for n, s in data.spec.items() if self.columns is None or n in self.columns}
        library = Library(spec, self.encoders, len(data.train_rows), self.units)
        machine = _machine(FusionGraph(library.nodes, "everything"), self, data)
        table, y = machine.encode(data, run)
        rows = machine.labelled_rows(data, y)
        if len(np.unique(machine.row_groups(data, rows))) < 2:
            raise DataError(
                f"auto holds out groups of rows in turn, and n_samples={len(rows)} are one group: name a method instead", code="S01"
            )
        with run.threaded(machine.work(table, rows)):
            machine.nodes_ = machine.fit_units(data, table, y, rows, run)
            held = machine.out_of_fold(data, table, y, rows, run)
        flat = table.flat(rows)
        groups = machine.row_groups(data, rows)
        groups = groups if table.offsets is None else np.repeat(groups, np.diff(table.offsets)[rows])
        part = y.take(flat).with_statistics()
        weight = (
            np.ones(len(flat))
            if data.weight is None
            else np.repeat(data.weight[rows], 1 if table.offsets is None else np.diff(table.offsets)[rows])
        )
        losses = self._losses(library.choices, held, part, weight, groups, run, table.bounds(rows))
        winner = self._elect(library.choices, losses, weight, groups)
        self.winner_ = winner.name
        self.model_ = None if winner.node == "" else self._keep(winner, machine, held, data, table, y, rows, run)

    def _losses(
        self,
        choices: list[Choice],
        held: dict[str, Decision],
        y: Target,
        weight: np.ndarray,
        groups: np.ndarray,
        run: Run,
        bounds: np.ndarray | None,
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
        self,
        decisions: dict[str, Decision],
        y: Target,
        weight: np.ndarray,
        groups: np.ndarray,
        folds: Any,
        run: Run,
        bounds: np.ndarray | None,
    ) -> np.ndarray:
        scores = np.tile(prior_scores(y.spec), (len(y.values), 1)).astype(float)
        for number, (train, test) in enumerate(folds):
            fitted = Stacking().fit(
                {n: _rows(d, train) for n, d in decisions.items()},
                y.take(train).with_statistics(),
                weight[train],
                groups[train],
                run.inner("judge", number),
                _bounds(bounds, train),
            )
            scores[test] = fitted.combine({n: _rows(d, test) for n, d in decisions.items()}, _bounds(bounds, test)).filled(y.spec)
        return scores

    def _elect(self, choices: list[Choice], losses: dict[str, np.ndarray], weight: np.ndarray, groups: np.ndarray) -> Choice:
        means = {c.name: _mean(losses[c.name], weight) for c in choices}
        best = min(choices, key=lambda c: (means[c.name], c.modalities))
        lines: list[dict[str, Any]] = []
        good = []
        for choice in choices:
            error = _paired_error(losses[choice.name] - losses[best.name], weight, groups)
            gap = means[choice.name] - means[best.name]
            lines.append(
                {"name": choice.name, "loss": means[choice.name], "difference": gap, "error": error, "modalities": choice.modalities}
            )
            if gap <= self.tolerance * error or choice is best:
                good.append(choice)
        self.table_ = sorted(lines, key=lambda line: line["loss"])
        return min(good, key=lambda c: (c.modalities, means[c.name]))

    def _keep(
        self,
        winner: Choice,
        machine: GraphModel,
        held: dict[str, Decision],
        data: FitData,
        table: Any,
        y: Target,
        rows: np.ndarray,
        run: Run,
    ) -> GraphModel:
        """The winner: encoders, units fitted on all training rows, and decision fusion learned from its out-of-fold decisions."""
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
        average = AverageModel()
        average.target_ = self.target_
        return average._scores(X)

    def parameters(self) -> int:
        """Learned numbers of the winner."""
        return self.target_.columns if self.model_ is None else self.model_.parameters()

    def profile(self, X: Any = None) -> Profile:
        """Of the winner."""
        return Profile((Part("average", self.parameters(), self.parameters(), 0.0),)) if self.model_ is None else self.model_.profile(X)


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
