"""Heterogeneity: how much of what a modality says about a target is lost in a network that another modality trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mcgurk import registry
from mcgurk.data.coerce import as_dataset
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import spec_of
from mcgurk.data.split import units
from mcgurk.data.target import Target, encode_target
from mcgurk.errors import DataError
from mcgurk.functional.bootstrap import bootstrap
from mcgurk.functional.heterogeneity import heterogeneity, natural_groups
from mcgurk.params import Params
from mcgurk.results import Report
from mcgurk.roles import Measure
from mcgurk.run import Run, versions
from mcgurk.train import features
from mcgurk.train.transfer import Budget, Transfer, Transfers


@dataclass(frozen=True, eq=False)
class HeterogeneityReport(Report):
    """Two matrices beside the table: of modalities and, where they were asked for, of pairs of them.

    Args:
        information: (m, m) frame of nats about the target, rows sources, columns targets.
        distance: (m, m) frame, 0 where a network of one serves the other as well as its own.
        pair_information, pair_distance: the same of pairs, or None.
        groups: modality -> number of the group in which it may share an encoder.
        pair_groups: "a + b" -> number of the group in which it may share a cross-modal block.
    """

    information: pd.DataFrame = field(default_factory=pd.DataFrame)
    distance: pd.DataFrame = field(default_factory=pd.DataFrame)
    pair_information: pd.DataFrame | None = None
    pair_distance: pd.DataFrame | None = None
    groups: dict[str, int] = field(default_factory=dict)
    pair_groups: dict[str, int] = field(default_factory=dict)

    def plot(self, axes: Any = None) -> Any:
        """Draw the distances, of modalities and of pairs, as shaded tables; returns the matplotlib axes."""
        import matplotlib.pyplot as plt

        shown = {"modalities": self.distance, "pairs": self.pair_distance}
        shown = {title: frame for title, frame in shown.items() if frame is not None}
        if axes is None:
            axes = plt.subplots(1, len(shown), figsize=(4 * len(shown), 3.6), squeeze=False, layout="constrained")[1][0]
        for ax, (title, frame) in zip(np.atleast_1d(axes), shown.items(), strict=True):
            names = list(frame.columns)
            ax.imshow(frame.to_numpy(), cmap="Greys", vmin=0, vmax=1.5)
            ax.set_xticks(range(len(names)), names, rotation=45, ha="right")
            ax.set_yticks(range(len(names)), names)
            ax.set_title(f"distance of {title}")
            for i, j in np.ndindex(frame.shape):
                ax.text(j, i, f"{frame.iat[i, j]:.2f}", ha="center", va="center")
        return axes


class Heterogeneity(Measure, Params):
    """Usable information, its transfer between modalities and between pairs of them, and the groups that may share parameters.

    ``T(s -> t) = H_V(Y) - H_V(Y | X_t)`` on held-out rows with a network trained on s, of which only embedding and head are refitted to t
    under a fixed budget; ``d(s, t) = max(0, 1 - T(s -> t) / T(t -> t))``, the mean of both directions. For pairs the same with the block
    that lets two modalities interact. Groups are those of average linkage with the largest silhouette.

    Not for: whether modalities carry the same information (a copy with other noise is no further away than the copy itself), or fewer
    than a few hundred rows: where T(t -> t) is below .01 nats a distance is undefined.

    Args:
        layer: the fusion layer that is taken apart; one that says which of its parameters belong to a modality.
        encoders: as an estimator's; of a fitted model the model's are used.
        pairs: measure pairs, too: with m modalities ``m (m - 1) / 2`` of them, and the square of that many refits a fold.
        folds, epochs, refit, optim: of the budget (:class:`mcgurk.train.transfer.Budget`).
        task: "classes", "multilabel", "number" or "count", where y does not tell.
        repeats, level: of the bootstrap of held-out rows, by whole groups where ``X.rows`` has "group".
        random_state: of folds, starting values and replicates.

    Shapes: m columns of n rows -> :class:`HeterogeneityReport`: ``table`` has a line for every source and target with nats, their
        interval, the null's entropy and the distance.

    Raises:
        DataError: no y, one modality, a label a step, too few rows or groups (S01), a layer that cannot be taken apart.

    Source: Liang, Lyu, Fan, Tsaw, Liu, Mo, Yogatama, Morency, Salakhutdinov 2023, High-modality multimodal transformer, TMLR, section 3.1;
        dividing by T(t -> t), the interval and the choice of groups are ours.

    Example:
        >>> import numpy as np
        >>> from mcgurk.quantification import Heterogeneity
        >>> rng = np.random.default_rng(0)
        >>> a = rng.normal(size=(120, 2)).astype(np.float32)
        >>> small = ("highmmt", {"latents": 2, "width": 8, "heads": 2, "bands": 1, "tag": 2})
        >>> measure = Heterogeneity(small, folds=2, epochs=3, refit=3, pairs=False, repeats=100)
        >>> measure.measure(None, {"a": a, "copy": a}, a[:, 0] > 0).distance.to_numpy().tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """

    def __init__(
        self,
        layer: Any = "highmmt",
        *,
        encoders: Any = None,
        pairs: bool = True,
        folds: int = 3,
        epochs: int = 20,
        refit: int = 10,
        optim: Any = ("adamw", 3e-3),
        task: str | None = None,
        repeats: int = 1000,
        level: float = 0.95,
        random_state: Any = 0,
    ) -> None:
        self.layer = layer
        self.encoders = encoders
        self.pairs = pairs
        self.folds = folds
        self.epochs = epochs
        self.refit = refit
        self.optim = optim
        self.task = task
        self.repeats = repeats
        self.level = level
        self.random_state = random_state

    def measure(self, model: Any, X: Any, y: Any = None) -> HeterogeneityReport:
        dataset = as_dataset(X) if model is None else model._read(X)
        run = Run.of(self.random_state)
        layer = registry.make("fusion", self.layer)
        dataset, labels = self._inputs(dataset, y, model, layer)
        encoders = getattr(model, "encoders_", None)
        if encoders is None:
            encoders = features.resolve(spec_of(dataset), self.encoders)
            features.fit(encoders, dataset, np.arange(len(dataset)))
        unit = units(dataset, groups=None if dataset.rows is None or "group" not in dataset.rows else dataset.rows["group"].to_numpy())
        budget = Budget(self.folds, self.epochs, self.refit, self.optim)
        transfer = Transfer(layer, encoders, features.prepare(encoders, dataset, run), labels, unit, run, budget)
        singles, pairs = transfer.singles(), transfer.pairs() if self.pairs else None
        return self._report(singles, pairs, unit, run)

    def _inputs(self, dataset: Dataset, y: Any, model: Any, layer: Any) -> tuple[Dataset, Target]:
        if y is None:
            raise DataError("information is about a target; give y")
        if len(dataset.names) < 2:
            raise DataError(f"{dataset.names[0]!r} is alone; heterogeneity is between modalities, give at least two")
        if not (hasattr(layer, "refitted") and hasattr(layer, "interaction")):
            raise DataError(f"layer={self.layer!r} does not say which of its parameters belong to a modality; give 'highmmt'")
        known = getattr(model, "target_", None)
        number = known.task in ("number", "count") if known is not None else self.task in ("number", "count")
        labels = encode_target(y, "regressor" if number else "classifier", task=self.task, known=known)
        if labels.offsets is not None:
            raise DataError("y has a label a step; transfer is measured with a label a row")
        labels.check_rows(len(dataset))
        rows = np.flatnonzero(labels.labelled)
        return dataset[rows], labels.take(rows).with_statistics(np.arange(len(rows)))

    def _report(self, singles: Transfers, pairs: Transfers | None, unit: np.ndarray, run: Run) -> HeterogeneityReport:
        lines: list[tuple[Any, ...]] = []
        found: list[tuple[pd.DataFrame | None, pd.DataFrame | None, dict[str, int]]] = []
        for transfers in (singles, pairs):
            if transfers is None:
                found.append((None, None, {}))
                continue
            names = [" + ".join(u) for u in transfers.units]
            information = transfers.matrix()
            distance = heterogeneity(information)
            for s, source in enumerate(names):
                for t, target in enumerate(names):
                    low, high = self._interval(transfers, s, t, unit, run)
                    lines.append((source, target, information[s, t], low, high, float(transfers.null[t].mean()), distance[s, t]))
            groups = dict(zip(names, natural_groups(distance).tolist(), strict=True))
            found.append((pd.DataFrame(information, names, names), pd.DataFrame(distance, names, names), groups))
        table = pd.DataFrame(lines, columns=["source", "target", "information", "low", "high", "null", "distance"])
        (own, apart, groups), (pair_own, pair_apart, pair_groups) = found
        assert own is not None and apart is not None
        scalars = {f"information of {name}": float(own.at[name, name]) for name in own.index}
        source = "HighMMT; Liang et al. 2023, TMLR"
        settings = self.get_params()
        return HeterogeneityReport(
            table, scalars, settings, run.seed, source, versions(), own, apart, pair_own, pair_apart, groups, pair_groups
        )

    def _interval(self, transfers: Transfers, s: int, t: int, unit: np.ndarray, run: Run) -> tuple[float, float]:
        found = bootstrap(
            lambda some: transfers.information(s, t, some),
            len(transfers.rows[t]),
            rng=run.rng("noise", s, t),
            groups=unit[transfers.rows[t]],
            repeats=self.repeats,
            level=self.level,
        )
        return found.low, found.high
