"""MFAS: a search for the hidden layers of two trained networks that are worth fusing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from sklearn.base import clone
from torch import Tensor, nn

from mcgurk import registry, seeding
from mcgurk.base import Estimator, FitData, adopt
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec, spec_of
from mcgurk.data.split import holdout
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, listing
from mcgurk.fusion.mfas_unit import ACTIVATIONS, FusionChain
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.sequential_search import Config, Search
from mcgurk.fusion.unit import row_loss
from mcgurk.nn.mlp import MLPHead
from mcgurk.nn.tap import tap
from mcgurk.roles import Predictor
from mcgurk.run import Run
from mcgurk.tensorfile import read_tensors, write_tensors
from mcgurk.train import features
from mcgurk.train.checkpoint import fingerprint
from mcgurk.train.loader import Loader
from mcgurk.train.loop import Settings, train
from mcgurk.train.supervised import Supervised

SHARE = 0.25
STATE = "mfas.search"


class MFAS(Recipe):
    """Two networks are trained alone and frozen; a sequential search finds which of their hidden layers to join, in which order and with
    which activation; the best chain found is trained from scratch.

    The networks' layers are computed once and cached, so that a step of the search trains a few thousand numbers. Chains share the
    weights of layers of equal place, size and activation. Selection uses rows that neither networks nor chains have learned from. With a
    checkpoint folder a search that was stopped goes on where it was.

    Not for: fewer than some hundred rows (the search picks among a hundred chains by held-out accuracy), more or fewer than two columns.

    Args:
        columns: the two columns; default: the only two there are.
        hidden: widths of each network's hidden layers; these and the network's input can be fused.
        activations: to choose from: "relu", "sigmoid", "leaky".
        levels: steps of a chain.
        rounds, samples, preset: of the search (:class:`~mcgurk.fusion.sequential_search.Search`); "paper" are the released temperatures.
        search_width, search_epochs: of chains in the search.
        width: of the final chain, which the estimator's epochs train.

    Shapes: two columns -> scores (B, k).

    Raises:
        DataError: other than two columns, labels per step, an unknown activation.

    Source: Perez-Rua, Vielzeuf, Pateux, Baccouche, Jurie 2019, MFAS: multimodal fusion architecture search, CVPR; the sharper temperatures
        are ours. The networks stay frozen in the final training, too.

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
        model_: the final chain, fitted on the cached layers.

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
        trial = Trial(self, replace(data, X=table, pairs=None), rows, held, run)
        search = Search(
            trial.sizes, self.recipe.levels, self.recipe.rounds, self.recipe.samples, self.recipe.preset, run.derive("search") % 2**31
        )
        ranked = search.run(trial.evaluate)
        self.evaluations_ = search.evaluations
        self.best_ = [{"steps": trial.steps(config), "accuracy": search.seen[config]} for config in ranked[:5]]
        self.steps_ = trial.steps(ranked[0])
        final = self._like(fusion=FusionChain(self.steps_, width=self.recipe.width), encoders="precomputed", hidden=())
        self.model_ = adopt(final, replace(data, X=table, pairs=None), run.inner("final"))

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
            values = net._forward(X.select([name]), tapped)  # type: ignore[attr-defined]
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


def tapped(objective: Supervised, batch: Any) -> Tensor:
    """(B, sum of widths) the head's input and its hidden layers."""
    layers: nn.Sequential = objective.head.layers  # type: ignore[assignment]
    names = ["head.input_dropout", *(f"head.layers.{i}" for i, layer in enumerate(layers) if isinstance(layer, nn.ReLU))]
    with tap(objective, names) as seen:
        objective.outputs(batch)
    return torch.cat([seen[name].flatten(1) for name in names], dim=1)


class Trial:
    """Trains and scores chains on cached layers; remembers weights and, in a checkpoint folder, results."""

    def __init__(self, model: MFASModel, data: FitData, rows: np.ndarray, held: np.ndarray, run: Run) -> None:
        assert data.y is not None
        self.recipe, self.run, self.data = model.recipe, run, data
        assert model.recipe.columns is not None
        first, second = model.recipe.columns
        count = len(model.recipe.hidden) + 1
        self.names = tuple([f"{column} {i}" for i in range(count)] for column in (first, second))
        self.sizes = (count, count, len(model.recipe.activations))
        self.fit = data.take(rows)
        self.truth = data.y.take(held).with_statistics()
        self.machine = model._like(fusion="concat", encoders="precomputed", hidden=())
        self.machine.encoders_ = {name: registry.make("encoders", "precomputed") for name in data.X.names}
        self.loader = self._loader(rows, model.template.batch_size)
        self.held = self._loader(held, 1024)
        self.shared: dict[str, dict[str, Tensor]] = {}
        self.done: list[list[Any]] = []
        self.count = 0
        self.place = None if model.checkpoint is None else Path(model.checkpoint) / STATE
        contents = {name: features.content(column) for name, column in data.X.items()}
        self.mark = "" if self.place is None else fingerprint(repr(model.recipe), repr(model.template), run.seed, contents)
        self._resume()

    def _loader(self, rows: np.ndarray, batch_size: int) -> Loader:
        assert self.data.y is not None
        columns: dict[str, Any] = {name: column.take(rows) for name, column in self.data.X.items()}
        weight = None if self.data.weight is None else self.data.weight[rows]
        return Loader(columns, self.data.y.take(rows), weight, batch_size=batch_size, seed=self.run.seed, device=self.run.device)

    def steps(self, config: Config) -> tuple[tuple[str, str, str], ...]:
        """A configuration in names."""
        return tuple((self.names[0][m], self.names[1][n], self.recipe.activations[p]) for m, n, p in config)

    def evaluate(self, configs: Sequence[Config]) -> list[float]:
        """Held-out accuracy of each chain, trained for a few epochs from shared weights."""
        return [self._one(config) for config in configs]

    def _one(self, config: Config) -> float:
        number, self.count = self.count, self.count + 1
        if number < len(self.done):
            return float(self.done[number][1])
        run = self.run.inner("chain", number)
        with seeding.guard(run.derive("init") % 2**32):
            objective = self._objective(config)
        keys = self._keys(objective.fusion)  # type: ignore[arg-type]
        for key, layer in keys.items():
            if key in self.shared:
                layer.load_state_dict(self.shared[key])
        train(objective, self.loader, run, Settings(self.recipe.search_epochs, self.machine.optim, "cosine"))
        for key, layer in keys.items():
            self.shared[key] = {k: v.detach().cpu().clone() for k, v in layer.state_dict().items()}
        self.done.append([[list(step) for step in config], self._accuracy(objective)])
        self._keep()
        return float(self.done[-1][1])

    def _objective(self, config: Config) -> Supervised:
        chain = FusionChain(self.steps(config), width=self.recipe.search_width)
        prepared = dict(self.fit.X.items())
        encoders = {name: registry.make("encoders", "precomputed") for name in self.machine.encoders_}
        objective = Supervised(encoders, spec_of(self.fit.X), chain, MLPHead(()), self.fit.target)
        self.machine._start(objective, prepared, replace(self.fit, valid=None))
        return objective.to(self.run.device)

    def _keys(self, chain: FusionChain) -> dict[str, nn.Module]:
        """Layers by place, size and activation."""
        return {
            f"{level}|{layer.in_features}|{layer.out_features}|{step[2]}": layer  # type: ignore[union-attr]
            for level, (layer, step) in enumerate(zip(chain.layers, chain.plan, strict=True))
        }

    def _accuracy(self, objective: Supervised) -> float:
        with torch.inference_mode():
            scores = torch.cat([objective.outputs(batch) for batch in self.held.epoch(None)]).double().cpu().numpy()
        if self.truth.spec.task == "classes":
            return float((scores.argmax(axis=1) == self.truth.values).mean())
        return float(expit(-np.nanmean(row_loss(scores, self.truth))))

    def _keep(self) -> None:
        if self.place is not None:
            tensors = {f"{key}|{name}": value.numpy() for key, state in self.shared.items() for name, value in state.items()}
            write_tensors(self.place, tensors, {"mark": self.mark, "done": self.done})

    def _resume(self) -> None:
        if self.place is None or not self.place.exists():
            return
        tensors, manifest = read_tensors(self.place)
        if manifest.get("mark") != self.mark:
            raise DataError(
                f"{self.place} belongs to a search of other data or settings; give another checkpoint folder, or delete it", code="K03"
            )
        self.done = manifest["done"]
        for path, value in tensors.items():
            key, _, name = path.rpartition("|")
            self.shared.setdefault(key, {})[name] = torch.from_numpy(value.copy())
