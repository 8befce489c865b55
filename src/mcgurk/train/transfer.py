"""What a network trained on one modality is worth on another: held-out information about the target, in nats."""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from mcgurk import seeding
from mcgurk.data.column import Dense, Ragged
from mcgurk.data.split import unit_folds
from mcgurk.data.target import Target
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder, Fusion
from mcgurk.nn.mlp import MLPHead
from mcgurk.roles import prior_scores
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.loader import Loader
from mcgurk.train.loop import Settings, train
from mcgurk.train.readout import row_loss
from mcgurk.train.supervised import Supervised

Unit = tuple[str, ...]  # one modality, or two


class Transferable(Protocol):
    """What is asked of a fusion layer: which of its parameters belong to a modality, and which to what happens between two."""

    refitted: ClassVar[str]
    interaction: ClassVar[str]

    def solitary(self) -> Fusion:
        """A copy for one modality."""

    def dyadic(self) -> Fusion:
        """A copy for two whose output holds nothing but what came of their interaction."""


@dataclass(frozen=True)
class Budget:
    """What every training of the measurement may cost.

    Args:
        folds: parts of the rows; each is held out once.
        epochs: of a source's own training.
        refit: epochs in which embedding and head are fitted to a target, with everything else frozen.
        optim: of both.
        batch_size: of both.
    """

    folds: int = 3
    epochs: int = 20
    refit: int = 10
    optim: Any = ("adamw", 3e-3)
    batch_size: int = 64


@dataclass(frozen=True, eq=False)
class Transfers:
    """Held-out losses of targets under trunks of sources.

    Args:
        units: modalities, or pairs of them.
        task: of the target; for numbers losses are squared errors, else nats.
        rows: per target, the row numbers that were held out and have it.
        null: per target, the loss of each of these rows under the training rows' constant.
        losses: (source, target) -> the loss of each of these rows.
    """

    units: tuple[Unit, ...]
    task: str
    rows: tuple[np.ndarray, ...]
    null: tuple[np.ndarray, ...]
    losses: Mapping[tuple[int, int], np.ndarray]

    def information(self, source: int, target: int, some: Any = slice(None)) -> float:
        """``I_V``: ``H_V(Y) - H_V(Y | X)``; for numbers ``ln(MSE_null / MSE) / 2``, a Gaussian of one variance; NaN without rows."""
        null, loss = self.null[target][some], self.losses[source, target][some]
        if not len(loss):
            return float("nan")
        if self.task == "number":
            return float(0.5 * np.log(null.mean() / max(loss.mean(), 1e-300)))
        return float((null - loss).mean())

    def matrix(self) -> np.ndarray:
        """(m, m) information, rows sources, columns targets."""
        each = range(len(self.units))
        return np.array([[self.information(s, t) for t in each] for s in each])


@dataclass(frozen=True, eq=False)
class Transfer:
    """Trains on every unit, then refits embedding and head of every target around the trunk of every source.

    Of a single modality everything but embedding and head comes from the source. Of a pair the encoders are the target's own and only
    what happens between two modalities comes from the source, so that it alone is compared. The budget of all refits is the same, that of
    a target's own trunk included, and so are starting values and order of rows: equal modalities are at a distance of exactly 0.

    Not for: few rows; every fold trains ``m + m^2`` networks.

    Args:
        layer: not yet built.
        encoders: one a column, with what they learned.
        prepared: the columns they made.
        y: labels, all rows labelled.
        unit: (n,) rows of one unit stay together.
        run: seeds.
        budget: of each training.

    Source: Liang, Lyu, Fan, Tsaw, Liu, Mo, Yogatama, Morency, Salakhutdinov 2023, High-modality multimodal transformer, TMLR, section 3.1;
        usable information: Xu, Zhao, Song, Stewart, Ermon 2020, A theory of usable information under computational constraints, ICLR.
    """

    layer: Any
    encoders: Mapping[str, Encoder]
    prepared: Mapping[str, Dense | Ragged]
    y: Target
    unit: np.ndarray
    run: Run
    budget: Budget

    def singles(self) -> Transfers:
        """Between modalities."""
        return self._between([(name,) for name in sorted(self.prepared)])

    def pairs(self) -> Transfers:
        """Between pairs of modalities, in either order."""
        return self._between(list(combinations(sorted(self.prepared), 2)))

    def _between(self, units: Sequence[Unit]) -> Transfers:
        labels = self.y.values if self.y.values.ndim == 1 else np.nan_to_num(self.y.values).sum(axis=1)
        splits = unit_folds(self.unit, labels, n_splits=self.budget.folds, seed=self.run.seed)
        if not splits:
            raise DataError("all rows form one group, and information is measured on rows held out; give at least two groups", code="S01")
        each = range(len(units))
        rows: list[list[np.ndarray]] = [[] for _ in each]
        null: list[list[np.ndarray]] = [[] for _ in each]
        losses: dict[tuple[int, int], list[np.ndarray]] = {(s, t): [] for s in each for t in each}
        work = [(number, fit, held) for number, (fit, held) in enumerate(splits)]
        for number, fit, held in self.run.track(work, len(work), "transfer"):
            parts = [(self._with(u, fit), self._with(u, held)) for u in units]
            if any(len(inside) < 2 or not len(outside) for inside, outside in parts):
                continue  # a fold in which a modality was never observed says nothing of it, and would not be comparable
            trunks = [self._trained(u, inside, number) for u, (inside, _) in zip(units, parts, strict=True)]
            for t, (inside, outside) in enumerate(parts):
                rows[t].append(outside)
                truth = self.y.take(outside)
                constant = np.broadcast_to(prior_scores(self._labels(inside).spec), (len(outside), truth.spec.columns))
                null[t].append(row_loss(constant, truth))
                for s in each:
                    objective = self._refitted(units[t], inside, trunks[s], trunks[t], number)
                    losses[s, t].append(row_loss(self._outputs(objective, units[t], outside), truth))
        if not rows[0]:
            raise DataError("no fold has every modality among its training and its held-out rows; give more complete rows", code="S01")
        return Transfers(
            tuple(units),
            str(self.y.spec.task),
            tuple(np.concatenate(part) for part in rows),
            tuple(np.concatenate(part) for part in null),
            {key: np.concatenate(part) for key, part in losses.items()},
        )

    def _with(self, unit: Unit, rows: np.ndarray) -> np.ndarray:
        """The rows that have all of its modalities."""
        return rows[np.all([self.prepared[name].present[rows] for name in unit], axis=0)]

    def _labels(self, rows: np.ndarray) -> Target:
        return self.y.take(rows).with_statistics(np.arange(len(rows)))

    def _objective(self, unit: Unit, rows: np.ndarray, number: int) -> Supervised:
        """Untrained; starting values depend on the fold alone."""
        names = sorted(unit)
        encoders = {name: copy.deepcopy(self.encoders[name]) for name in names}
        columns = {name: self.prepared[name] for name in names}
        layer = self.layer.solitary() if len(unit) == 1 else self.layer.dyadic()
        with seeding.guard(self.run.derive("init", number) % 2**32):
            objective = Supervised(encoders, features.specs(columns), layer, MLPHead(()), self._labels(rows).spec)
        features.standardise(objective, encoders, columns, rows)
        return objective.to(self.run.device)

    def _loader(self, unit: Unit, rows: np.ndarray, labels: Target | None, seed: int, size: int) -> Loader:
        columns = {name: self.prepared[name].take(rows) for name in unit}
        return Loader(columns, labels, batch_size=size, seed=seed, device=self.run.device)

    def _learn(self, objective: Supervised, unit: Unit, rows: np.ndarray, run: Run, epochs: int) -> None:
        loader = self._loader(unit, rows, self._labels(rows), run.seed, self.budget.batch_size)
        train(objective, loader, run, Settings(epochs, self.budget.optim, "cosine"), columns=unit)

    def _trained(self, unit: Unit, rows: np.ndarray, number: int) -> dict[str, torch.Tensor]:
        objective = self._objective(unit, rows, number)
        self._learn(objective, unit, rows, self.run.inner("own", number), self.budget.epochs)
        return {name: value.detach().clone() for name, value in objective.fusion.state_dict().items()}

    def _refitted(
        self, unit: Unit, rows: np.ndarray, source: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], number: int
    ) -> Supervised:
        """The target's objective around a trunk: what belongs to a modality and the head start anew, all else is frozen."""
        objective = self._objective(unit, rows, number)
        trunk = {}
        for name in objective.fusion.state_dict():
            if not matches(name, self.layer.refitted):
                trunk[name] = source[name] if len(unit) == 1 or matches(name, self.layer.interaction) else own[name]
        objective.fusion.load_state_dict(trunk, strict=False)
        for name, parameter in objective.fusion.named_parameters():
            parameter.requires_grad_(name not in trunk)
        self._learn(objective, unit, rows, self.run.inner("refit", number), self.budget.refit)
        return objective

    def _outputs(self, objective: Supervised, unit: Unit, rows: np.ndarray) -> np.ndarray:
        loader = self._loader(unit, rows, None, 0, 1024)
        with torch.inference_mode():
            return np.concatenate([objective.outputs(batch).cpu().double().numpy() for batch in loader.epoch(None)])


def matches(name: str, globs: str) -> bool:
    """Whether a parameter's name is one of several globs, apart by spaces."""
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs.split())
