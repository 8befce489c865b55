"""MFAS: a search for the hidden layers of two trained networks that are worth fusing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from mcgurk.base import Estimator, FitData, adopt
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.split import holdout
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, listing
from mcgurk.fusion.mfas_joint import Joined, tapped
from mcgurk.fusion.mfas_trial import Chains, Trial
from mcgurk.fusion.mfas_unit import ACTIVATIONS, FusionChain
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.sequential_search import Search
from mcgurk.roles import Predictor
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.loader import Loader
from mcgurk.train.loop import train
from mcgurk.train.profile import Profile

SHARE = 0.25


class MFAS(Recipe):
    """Two networks are trained alone and frozen; a sequential search finds which of their hidden layers to join, in which order and with
    which activation; the best chain found is trained from scratch.

    The networks' layers are computed once and cached, so that a step of the search trains a few thousand numbers. Chains share the
    weights of layers of equal place, size and activation. Selection uses rows that neither networks nor chains have learned from. With a
    checkpoint folder a search that was stopped goes on where it was. At the end the best chain is trained anew: for one epoch alone, then
    together with both networks, whose own losses are kept; or on the frozen networks' cached layers.

    Not for: fewer than some hundred rows (the search picks among a hundred chains by held-out accuracy), more or fewer than two columns.

    Args:
        columns: the two columns; default: the only two there are.
        hidden: widths of each network's hidden layers; these and the network's input can be fused.
        activations: to choose from: "relu", "sigmoid", "leaky".
        levels: steps of a chain.
        rounds, samples, preset: of the search (:class:`~mcgurk.fusion.sequential_search.Search`); "paper" are the released temperatures.
        search_width, search_epochs: of chains in the search.
        width: of the final chain, which the estimator's epochs train.
        final: "joint", or "frozen" to leave the networks as they were in the search (quicker, and safer with few rows).
        parallel: chains trained at once, each in a process of its own. What is found depends on this number, not on the machine. A script
            that asks for more than 1 needs ``if __name__ == "__main__":`` around its main part.

    Shapes: two columns -> scores (B, k).

    Raises:
        DataError: other than two columns, labels per step, an unknown activation or ``final``, ``parallel`` below 1.

    Source: Perez-Rua, Vielzeuf, Pateux, Baccouche, Jurie 2019, MFAS: multimodal fusion architecture search, CVPR; the sharper temperatures
        are ours.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.fusion import MFAS
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(120, 3)), "b": rng.normal(size=(120, 3))}
        >>> recipe = MFAS(hidden=(8,), levels=1, rounds=1, samples=2, search_width=4, search_epochs=1)
        >>> model = FusionClassifier(recipe, epochs=2).fit(X, X["a"][:, 0] > 0)
        >>> model.model_.evaluations_
        8
    """

    def __init__(
        self,
        columns: tuple[str, str] | None = None,
        *,
        hidden: tuple[int, ...] = (64, 64, 64),
        activations: tuple[str, ...] = ("relu", "sigmoid"),
        levels: int = 4,
        rounds: int = 3,
        samples: int = 15,
        preset: str = "sharp",
        search_width: int = 16,
        search_epochs: int = 3,
        width: int = 128,
        final: str = "joint",
        parallel: int = 1,
    ) -> None:
        self.columns = columns
        self.hidden = hidden
        self.activations = activations
        self.levels = levels
        self.rounds = rounds
        self.samples = samples
        self.preset = preset
        self.search_width = search_width
        self.search_epochs = search_epochs
        self.width = width
        self.final = final
        self.parallel = parallel

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        names = tuple(sorted(self.columns)) if self.columns is not None else tuple(spec)
        if len(names) != 2 or any(name not in spec for name in names):
            raise DataError(f"MFAS fuses two columns, but {listing(names)} of {listing(spec)} were given; name two in columns")
        wrong = [a for a in self.activations if a not in ACTIVATIONS]
        if wrong or not self.activations or not self.hidden or target.per == "step":
            raise DataError(
                f"activations={self.activations!r}, hidden={self.hidden!r}, a label per {target.per}; expected activations out of "
                f"{', '.join(ACTIVATIONS)}, at least one hidden layer and one label a row"
            )
        if self.final not in ("joint", "frozen") or self.parallel < 1:
            raise DataError(
                f"final={self.final!r}, parallel={self.parallel}; expected 'joint' or 'frozen', and at least one chain at a time"
            )
        template = clone(estimator).set_params(fusion="concat", checkpoint=None)
        return MFASModel(replace_params(self, columns=names), template, checkpoint=estimator.checkpoint)


def replace_params(recipe: MFAS, **changes: Any) -> MFAS:
    """A copy with other parameters."""
    return MFAS(**{**recipe.get_params(deep=False), **changes})


class MFASModel(Predictor, Estimator):
    """A finished search: the two networks, and the chain that joins them.

    Args:
        recipe: the search.
        template: the estimator whose settings train networks and chains.

    Attributes:
        nets_: column -> fitted network.
        steps_: the chain: (layer, layer, activation) triples, a layer called "<column> <number>", 0 being the network's input.
        best_: the five best chains of the search and their held-out accuracy (for numbers and labels: 1 / (1 + exp(loss))).
        evaluations_: chains trained in the search, repeats included.
        model_: the final chain, on the networks' layers.

    Example:
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.fusion import MFAS
        >>> from mcgurk.fusion.mfas import MFASModel
        >>> MFASModel(MFAS(("a", "b")), FusionClassifier()).recipe.columns
        ('a', 'b')
    """

    def __init__(self, recipe: MFAS, template: Any, *, checkpoint: Any = None) -> None:
        self.recipe = recipe
        self.template = template
        self.checkpoint = checkpoint

    def _fit(self, data: FitData, run: Run) -> None:
        assert data.y is not None and self.recipe.columns is not None
        if not data.y.labelled.all():
            data = data.take(np.flatnonzero(data.y.labelled))
        rows = data.train_rows
        held = data.valid_rows
        if not len(held):
            part = data.take(rows)
            assert part.y is not None
            fit, test = holdout(part.X, part.y.row_labels(), share=SHARE, groups=part.groups, seed=run.derive("split"), twins=False)
            held, rows = rows[test], rows[fit]
        self.nets_ = {name: self._net(name, data, rows, run.inner("net", name)) for name in self.recipe.columns}
        table = self.layers(data.X)
        cached = replace(data, X=table, pairs=None)
        count = len(self.recipe.hidden) + 1
        names = [[f"{column} {i}" for i in range(count)] for column in self.recipe.columns]
        machine = self._like(fusion="concat", encoders="precomputed", hidden=())
        chains = Chains(self.recipe, machine, names, cached, rows, held, run)
        trial = Trial(chains, self.checkpoint, (repr(self.recipe), repr(self.template)))
        sizes = (*map(len, names), len(self.recipe.activations))
        search = Search(
            sizes, self.recipe.levels, self.recipe.rounds, self.recipe.samples, self.recipe.preset, run.derive("search") % 2**31
        )
        with trial.workers() as evaluate:
            ranked = search.run(evaluate)
        self.evaluations_ = search.evaluations
        self.best_ = [{"steps": chains.steps(config), "accuracy": search.seen[config]} for config in ranked[:5]]
        self.steps_ = chains.steps(ranked[0])
        joint = self.recipe.final == "joint"
        settings = {"epochs": 0, "patience": None} if joint else {}
        final = self._like(fusion=FusionChain(self.steps_, width=self.recipe.width), encoders="precomputed", hidden=(), **settings)
        self.model_ = adopt(final, cached, run.inner("final"))
        if joint:
            self._tune(data, held, run.inner("joint"))

    def _tune(self, data: FitData, held: np.ndarray, run: Run) -> None:
        """Networks and chain together, in place; with patience, the rows that selected the chain say when to stop."""
        prepared = {name: features.prepare(net.encoders_, data.X.select([name]), run)[name] for name, net in self.nets_.items()}
        nets = {name: net.objective_ for name, net in self.nets_.items()}
        template = self.template
        stops = template.patience is not None

        def loader(rows: np.ndarray, size: int) -> Loader:
            assert data.y is not None
            parts = {name: column.take(rows) for name, column in prepared.items()}
            weight = None if data.weight is None else data.weight[rows]
            return Loader(parts, data.y.take(rows), weight, batch_size=size, seed=run.seed, device=run.device)

        rows = np.setdiff1d(data.train_rows, held) if stops else data.train_rows
        self.model_.history_ = train(
            Joined(nets, self.model_.objective_),
            loader(rows, template.batch_size),
            run,
            template._settings(),
            valid=loader(held, 256) if stops else None,
            columns=tuple(prepared),
        )

    def _like(self, **changes: Any) -> Any:
        return clone(self.template).set_params(**changes)

    def _net(self, name: str, data: FitData, rows: np.ndarray, run: Run) -> Estimator:
        here = rows[data.X[name].present[rows]]
        if len(here) < 2:
            raise DataError(f"{len(here)} training rows have {name!r}; a network needs at least 2", code="S01")
        part = data.take(here)
        choice = self.template.encoders
        encoders = {k: v for k, v in choice.items() if k in (name, data.spec[name].kind)} if isinstance(choice, dict) else choice
        net = self._like(hidden=tuple(self.recipe.hidden), encoders=encoders, patience=None)
        return adopt(net, replace(part, X=part.X.select([name]), pairs=None, valid=None), run)

    def layers(self, X: Dataset) -> Dataset:
        """The input and the hidden layers of both networks as vector columns "<column> <number>"."""
        columns = {}
        for name, net in self.nets_.items():
            present = X[name].present
            values = net._forward(X.select([name]), lambda net, batch: torch.cat(tapped(net, batch)[1], dim=1))
            start = 0
            for number, width in enumerate([values.shape[1] - sum(self.recipe.hidden), *self.recipe.hidden]):
                block = values[:, start : start + width].astype(np.float32)
                columns[f"{name} {number}"] = Dense(np.where(present[:, None], block, 0.0).astype(np.float32), present, "vector")
                start += width
        return Dataset(columns)

    def _scores(self, X: Dataset) -> np.ndarray:
        return self.model_._scores(self.layers(X))  # type: ignore[attr-defined]

    def parameters(self) -> int:
        """Number of learned numbers in the networks and the chain."""
        return sum(part.parameters() for part in (self.model_, *self.nets_.values()))  # type: ignore[attr-defined]

    def profile(self, X: Any = None) -> Profile:
        """Of both networks, with the heads of their own that nothing reads any more, and of the chain."""
        inside = {name: net.profile(None if X is None else self._read(X).select([name])) for name, net in self.nets_.items()}  # type: ignore[attr-defined]
        inside["chain"] = self.model_.profile()  # type: ignore[attr-defined]
        return Profile(tuple(part for name, profile in inside.items() for part in profile.named(name).parts))
