"""Fits a FusionGraph: encoders once, feature fusion and units on training rows, decision fusion on out-of-fold decisions."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mcgurk.base import Estimator, FitData, adopt
from mcgurk.data.column import common_offsets, gather_steps
from mcgurk.data.dataset import Dataset
from mcgurk.data.target import Target
from mcgurk.errors import DataError
from mcgurk.fusion.decision import AsFeatures, Decision, DecisionFusion
from mcgurk.fusion.graph import FusionGraph, Source
from mcgurk.fusion.side_by_side import SideBySide
from mcgurk.fusion.unit import Unit, inner_folds, stratum
from mcgurk.roles import Predictor
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.profile import Part, Profile

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Table:
    """Encoded sources of n rows (or of all their steps): name -> (values, present), with the raw columns beside."""

    X: Dataset
    blocks: dict[str, np.ndarray]
    present: dict[str, np.ndarray]
    offsets: np.ndarray | None

    def flat(self, rows: np.ndarray) -> np.ndarray:
        """Places of some rows' decisions: the rows, or all their steps."""
        return rows if self.offsets is None else gather_steps(self.offsets, rows)[0]

    def bounds(self, rows: np.ndarray) -> np.ndarray | None:
        return None if self.offsets is None else gather_steps(self.offsets, rows)[1]


class GraphModel(Predictor, Estimator):
    """A fitted graph.

    Encoders learn from the training rows, without labels, once. Feature fusion and units are fitted on all training rows, and again in
    each of five inner folds, which keep groups whole, to make the out-of-fold decisions that learning decision fusion needs; a unit's
    penalty, once chosen on the training rows, is kept in the folds. A decision fusion node above another learns from that one's
    combination of out-of-fold decisions.

    Args:
        graph: what to fit.
        encoders: choices by column or kind, as in FusionClassifier; a Source's own choice comes first.
        folds: inner folds for out-of-fold decisions.

    Attributes:
        nodes_: name -> fitted feature fusion, unit, predictor or decision fusion.
        encoders_: Source name -> fitted encoder.

    Raises:
        DataError: S01, one group only where decision fusion must learn; no labels.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> X = {"a": np.arange(12.0)[:, None], "b": np.ones((12, 1))}
        >>> model = FusionClassifier(fusion=("late", {"rule": "mean"})).fit(X, np.arange(12) > 5)
        >>> sorted(model.model_.nodes_)
        ['a decision', 'a features', 'b decision', 'b features', 'decision']
    """

    def __init__(self, graph: FusionGraph, *, encoders: Any = None, folds: int = FOLDS) -> None:
        self.graph = graph
        self.encoders = encoders
        self.folds = folds

    def _fit(self, data: FitData, run: Run) -> None:
        table, y = self.encode(data, run)
        rows = self.labelled_rows(data, y)
        upper = [_unit(self.graph, n) for n in self.graph.order]
        learners = [u for u in upper if isinstance(u, AsFeatures) or (isinstance(u, DecisionFusion) and u.learns)]
        with run.threaded(self.work(table, rows)):
            self.nodes_ = self.fit_units(data, table, y, rows, run)
            held = self.out_of_fold(data, table, y, rows, run) if learners else {}
            self.fit_decisions(held, data, table, y, rows, run)

    def work(self, table: Table, rows: np.ndarray) -> float:
        """Operations of one pass over the features, for the choice of threads."""
        return 20.0 * len(rows) * sum(block.shape[1] for block in table.blocks.values())

    def encode(self, data: FitData, run: Run) -> tuple[Table, Target]:
        """Fit encoders on training rows, prepare all rows, and flatten the labels."""
        if data.y is None:
            raise DataError("a fusion graph needs labels; give y")
        choices = {n: s.encoder for n, s in self.graph.sources.items()}
        spec = data.spec
        self.encoders_ = {}
        for name, source in self.graph.sources.items():
            chosen = choices[name] if choices[name] != "auto" else chosen_encoder(self.encoders, source.column, spec[source.column].kind)
            column = {source.column: spec[source.column]}
            keep = features.keeping("vector", data.y.spec.per)
            self.encoders_[name] = features.resolve(column, {source.column: chosen}, keep=keep)[source.column]
        for name, source in self.graph.sources.items():
            features.fit({source.column: self.encoders_[name]}, data.X, data.train_rows)
        self.scaling_ = {n: e.scaling for n, e in self.encoders_.items()}
        return self._table(data.X, data.y.offsets, run), replace(data.y, offsets=None, spec=replace(data.y.spec, per="row"))

    def _table(self, X: Dataset, offsets: np.ndarray | None, run: Run | None = None) -> Table:
        blocks, present = {}, {}
        needed = {i for n in self.graph.order if isinstance(_unit(self.graph, n), (Unit, SideBySide)) for i in self.graph.nodes[n][1]}
        for name, source in self.graph.sources.items():
            if name in needed:
                prepared = features.prepare({source.column: self.encoders_[name]}, X, run)
                values, here = features.arrays(prepared, offsets)
                blocks[name], present[name] = values[source.column], here[:, 0]
        return Table(X, blocks, present, offsets)

    def labelled_rows(self, data: FitData, y: Target) -> np.ndarray:
        """Training rows with a label (with at least one labelled step)."""
        rows = data.train_rows
        if data.y is not None and data.y.offsets is not None:
            counts = np.add.reduceat(np.append(y.labelled.astype(int), 0), data.y.offsets[:-1])
            return rows[(counts[rows] > 0) & (np.diff(data.y.offsets)[rows] > 0)]
        return rows[y.labelled[rows]]

    def row_groups(self, data: FitData, rows: np.ndarray) -> np.ndarray:
        """Group of each row for inner folds: the given groups, or the rows themselves."""
        return rows if data.groups is None else data.groups[rows]

    def out_of_fold(self, data: FitData, table: Table, y: Target, rows: np.ndarray, run: Run) -> dict[str, Decision]:
        """Decisions of every analysis unit on rows it did not see, over the flattened labelled rows."""
        labels = stratum(y)
        if table.offsets is not None:
            labels = np.array([labels[table.offsets[r] : table.offsets[r + 1]].mean() for r in rows])
        else:
            labels = labels[rows]
        folds = inner_folds(self.row_groups(data, rows), labels, self.folds, run.inner("out of fold"))
        if not folds:
            raise DataError("stacking needs at least two groups of rows to hold out in turn; there is one", code="S01")
        place = np.full(len(y.values), -1, dtype=np.int64)
        everything = table.flat(rows)
        place[everything] = np.arange(len(everything))
        out: dict[str, Decision] = {}
        for number, (train, test) in enumerate(folds):
            fitted = self.fit_units(data, table, y, rows[train], run.inner("fold", number), self.nodes_)
            for name, decision in self.decide(fitted, table, rows[test]).items():
                if name not in out:
                    out[name] = Decision(np.zeros((len(everything), decision.scores.shape[1])), np.zeros(len(everything), dtype=bool))
                at = place[table.flat(rows[test])]
                out[name].scores[at] = decision.scores
                out[name].present[at] = decision.present
        return out

    def fit_units(
        self, data: FitData, table: Table, y: Target, rows: np.ndarray, run: Run, settled: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Feature fusion and analysis units fitted on some rows, with the penalties of ``settled`` where given."""
        flat = table.flat(rows)
        flat = flat[y.labelled[flat]]
        group_of = (
            np.repeat(self.row_groups(data, rows), np.diff(table.offsets)[rows])
            if table.offsets is not None
            else self.row_groups(data, rows)
        )
        groups = np.zeros(len(y.values), dtype=np.int64)
        groups[table.flat(rows)] = group_of
        weight = None if data.weight is None else _flat_weight(data.weight, table)
        part = y.take(flat).with_statistics()
        part = replace(part, spec=replace(part.spec, classes=y.spec.classes))
        fitted: dict[str, Any] = {}
        known: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for name in self._base():
            unit = _unit(self.graph, name)
            if isinstance(unit, SideBySide):
                inputs = self.graph.nodes[name][1]
                own = copy.deepcopy(unit)
                blocks, here = _blocks(table, inputs, flat)
                fitted[name] = own.fit(blocks, here, self.scaling_)
                known[name] = (own.transform(blocks, here), np.any(here, axis=1))
            elif isinstance(unit, Unit):
                F, here = known.get(self.graph.nodes[name][1][0]) or _source(table, self.graph.nodes[name][1][0], flat)
                where = np.flatnonzero(here)
                fitted[name] = copy.deepcopy(unit) if settled is None or settled[name] is None else unit.settled(settled[name])
                seen = part.take(where)
                if len(where) < 2 or (y.spec.task == "classes" and len(np.unique(seen.values)) < 2):
                    fitted[name] = None
                    continue
                w = None if weight is None else weight[flat][where]
                fitted[name].fit(F[where], seen.with_statistics(), w, groups[flat][where], run.inner(name))
            elif isinstance(unit, Estimator):
                fitted[name] = self._fit_estimator(unit, name, data, rows, run)
        return fitted

    def _base(self) -> list[str]:
        base = self.graph.base
        return [name for name in self.graph.order if name in base]

    def _fit_estimator(self, unit: Estimator, name: str, data: FitData, rows: np.ndarray, run: Run) -> Estimator:
        columns = [self.graph.nodes[i].column for i in self.graph.nodes[name][1]]
        own = copy.deepcopy(unit)
        part = data.take(rows)
        return adopt(own, replace(part, X=part.X.select(columns), valid=None), run.inner(name))

    def decide(self, fitted: dict[str, Any], table: Table, rows: np.ndarray) -> dict[str, Decision]:
        """Decisions of fitted analysis units on some rows."""
        flat = table.flat(rows)
        known: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        out: dict[str, Decision] = {}
        for name in self._base():
            unit = _unit(self.graph, name)
            if isinstance(unit, SideBySide):
                blocks, here = _blocks(table, self.graph.nodes[name][1], flat)
                known[name] = (fitted[name].transform(blocks, here), np.any(here, axis=1))
            elif isinstance(unit, Unit):
                F, here = known.get(self.graph.nodes[name][1][0]) or _source(table, self.graph.nodes[name][1][0], flat)
                scores = np.zeros((len(flat), self.target_.columns))
                if fitted[name] is None:
                    here = np.zeros(len(flat), dtype=bool)
                elif here.any():
                    scores[here] = fitted[name].scores(F[here])
                out[name] = Decision(scores, here)
            elif isinstance(unit, Estimator):
                part = table.X[rows].select([self.graph.nodes[i].column for i in self.graph.nodes[name][1]])
                scores = fitted[name]._scores(part)
                here = part.present.any(axis=1)
                out[name] = Decision(scores, here if table.offsets is None else np.ones(len(scores), dtype=bool))
        return out

    def fit_decisions(self, held: dict[str, Decision], data: FitData, table: Table, y: Target, rows: np.ndarray, run: Run) -> None:
        """What stands above decisions: decision fusion, and units that read decisions as features, from out-of-fold decisions."""
        flat = table.flat(rows)
        part = y.take(flat).with_statistics()
        weight = None if data.weight is None else _flat_weight(data.weight, table)[flat]
        row_groups = self.row_groups(data, rows)
        groups = row_groups if table.offsets is None else np.repeat(row_groups, np.diff(table.offsets)[rows])
        bounds = table.bounds(rows)
        known: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for name in self._upper():
            unit, inputs = copy.deepcopy(_unit(self.graph, name)), self.graph.nodes[name][1]
            if isinstance(unit, DecisionFusion):
                decisions = {i: held[i] for i in inputs} if held else {}
                self.nodes_[name] = unit.fit(decisions, part, weight, groups, run.inner(name), bounds)
                if held:
                    held[name] = self.nodes_[name].combine(decisions, bounds)
            elif isinstance(unit, AsFeatures):
                self.nodes_[name] = unit
                known[name] = self._as_features(unit, held[inputs[0]])
            elif isinstance(unit, SideBySide):
                blocks, here = self._mixed(table, known, inputs, flat)
                self.nodes_[name] = unit.fit(blocks, here, self.scaling_)
                known[name] = (unit.transform(blocks, here), np.any(here, axis=1))
            else:
                self.nodes_[name], held[name] = self._above(unit, known[inputs[0]], part, weight, groups, run.inner(name))

    def _upper(self) -> list[str]:
        base = self.graph.base
        return [name for name in self.graph.order if name not in base and name not in self.graph.sources]

    def _as_features(self, unit: AsFeatures, decision: Decision) -> tuple[np.ndarray, np.ndarray]:
        return unit.transform(decision, self.target_), decision.present

    def _mixed(
        self, table: Table, known: Mapping[str, tuple[np.ndarray, np.ndarray]], names: Sequence[str], flat: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Blocks of columns and of decisions."""
        pairs = {n: known.get(n) or _source(table, n, flat) for n in names}
        return {n: values for n, (values, _) in pairs.items()}, np.stack([here for _, here in pairs.values()], axis=1)

    def _above(
        self, unit: Unit, given: tuple[np.ndarray, np.ndarray], y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run
    ) -> tuple[Unit, Decision]:
        """A unit on features made of out-of-fold decisions, and its own decisions on rows it did not see."""
        F, here = given
        where = np.flatnonzero(here & y.labelled)

        def fitted(rows: np.ndarray, own: Unit, seed: Run) -> Unit:
            return own.fit(F[rows], y.take(rows).with_statistics(), None if weight is None else weight[rows], groups[rows], seed)

        whole = fitted(where, unit, run)
        scores = np.zeros((len(F), self.target_.columns))
        for number, (train, test) in enumerate(inner_folds(groups[where], stratum(y.take(where)), self.folds, run.inner("above"))):
            scores[where[test]] = fitted(where[train], unit.settled(whole), run.inner("fold", number)).scores(F[where[test]])
        return whole, Decision(scores, here)

    def _scores(self, X: Dataset) -> np.ndarray:
        return self.decisions(X)[self.graph.end]

    def decisions(self, X: Dataset) -> dict[str, np.ndarray]:
        """Scores (n, k) of every node that decides, by its name: what each branch and each combination says on its own.

        Rows for which a node has no input get the prior's scores.
        """
        offsets = self._step_offsets(X) if self.target_.per == "step" else None
        table = self._table(X, offsets)
        rows = np.arange(len(X))
        with Run.of().threaded(self.work(table, rows)):
            decisions = self.decide(self.nodes_, table, rows)
        known: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        flat = table.flat(rows)
        for name in self._upper():
            unit, inputs = self.nodes_[name], self.graph.nodes[name][1]
            if isinstance(unit, DecisionFusion):
                decisions[name] = unit.combine({i: decisions[i] for i in inputs}, offsets)
            elif isinstance(unit, AsFeatures):
                known[name] = self._as_features(unit, decisions[inputs[0]])
            elif isinstance(unit, SideBySide):
                blocks, here = self._mixed(table, known, inputs, flat)
                known[name] = (unit.transform(blocks, here), np.any(here, axis=1))
            else:
                F, here = known[inputs[0]]
                scores = np.zeros((len(F), self.target_.columns))
                if here.any():
                    scores[here] = unit.scores(F[here])
                decisions[name] = Decision(scores, here)
        return {name: decision.filled(self.target_) for name, decision in decisions.items()}

    def _step_offsets(self, X: Dataset) -> np.ndarray:
        sources = self.graph.sources.items()
        prepared = [features.prepare({s.column: self.encoders_[n]}, X)[s.column] for n, s in sources]
        offsets = common_offsets(prepared)
        if offsets is not None:
            return offsets
        raise DataError("the model predicts a label a step, but X has no sequence column; give one")

    def parameters(self) -> int:
        """Number of learned numbers in the analysis units."""
        return sum(n.parameters() for n in self.nodes_.values() if n is not None and hasattr(n, "parameters"))

    def profile(self, X: Any = None) -> Profile:
        """Learned numbers and multiply-accumulates of every analysis unit for one row, or one step where there is a label a step."""
        units = {name: unit for name, unit in self.nodes_.items() if isinstance(unit, Unit)}
        models = {name: model for name, model in self.nodes_.items() if isinstance(model, Estimator)}
        parts = [Part(name, unit.parameters(), unit.parameters(), unit.macs()) for name, unit in units.items()]
        inside = [model.profile(X).named(name) for name, model in models.items()]  # type: ignore[attr-defined]
        return Profile((*parts, *(part for profile in inside for part in profile.parts)))


def _unit(graph: FusionGraph, name: str) -> Any:
    node = graph.nodes[name]
    return node if isinstance(node, Source) else node[0]


def chosen_encoder(encoders: Any, column: str, kind: str) -> Any:
    """What an estimator's ``encoders`` say for a column: its own entry, else its kind's, else "auto"."""
    if isinstance(encoders, Mapping):
        return encoders.get(column, encoders.get(kind, "auto"))
    return "auto" if encoders is None else encoders


def _blocks(table: Table, names: Sequence[str], flat: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return {n: table.blocks[n][flat] for n in names}, np.stack([table.present[n][flat] for n in names], axis=1)


def _source(table: Table, name: str, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return table.blocks[name][flat], table.present[name][flat]


def _flat_weight(weight: np.ndarray, table: Table) -> np.ndarray:
    return weight if table.offsets is None else np.repeat(weight, np.diff(table.offsets))
