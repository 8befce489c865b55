"""The chains of an architecture search: trained on cached layers, side by side where asked, and remembered."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn

from mcgurk import registry, seeding
from mcgurk.base import FitData
from mcgurk.data.spec import spec_of
from mcgurk.errors import DataError
from mcgurk.fusion.mfas_unit import FusionChain
from mcgurk.fusion.sequential_search import Config
from mcgurk.nn.mlp import MLPHead
from mcgurk.run import Run, cores
from mcgurk.tensorfile import read_tensors, write_tensors
from mcgurk.train import features
from mcgurk.train.checkpoint import fingerprint
from mcgurk.train.loader import Loader
from mcgurk.train.loop import Settings, train
from mcgurk.train.readout import row_loss
from mcgurk.train.supervised import Supervised

STATE = "mfas.search"
Shared = dict[str, dict[str, Tensor]]


class Chains:
    """Trains one chain after another on cached layers and scores it on held-out rows.

    Args:
        recipe: the search.
        machine: an unfitted estimator whose settings train chains.
        names: names of the layers of either network.
        data: the cached layers.
        rows, held: row numbers to learn from, and to score on.
        run: of the search.
    """

    def __init__(
        self, recipe: Any, machine: Any, names: Sequence[Sequence[str]], data: FitData, rows: np.ndarray, held: np.ndarray, run: Run
    ) -> None:
        assert data.y is not None
        self.recipe, self.names, self.run, self.data = recipe, names, run, data
        self.fit = data.take(rows)
        self.truth = data.y.take(held).with_statistics()
        self.machine = machine
        self.machine.encoders_ = {name: registry.make("encoders", "precomputed") for name in data.X.names}
        self.loader = self._loader(rows, machine.batch_size)
        self.held = self._loader(held, 1024)

    def _loader(self, rows: np.ndarray, batch_size: int) -> Loader:
        assert self.data.y is not None
        columns: dict[str, Any] = {name: column.take(rows) for name, column in self.data.X.items()}
        weight = None if self.data.weight is None else self.data.weight[rows]
        return Loader(columns, self.data.y.take(rows), weight, batch_size=batch_size, seed=self.run.seed, device=self.run.device)

    def steps(self, config: Config) -> tuple[tuple[str, str, str], ...]:
        """A configuration in names."""
        return tuple((self.names[0][m], self.names[1][n], self.recipe.activations[p]) for m, n, p in config)

    def train(self, number: int, config: Config, shared: Shared) -> tuple[float, Shared]:
        """Held-out accuracy of a chain trained for a few epochs from shared weights, and its layers' weights."""
        run = self.run.inner("chain", number)
        with seeding.guard(run.derive("init") % 2**32):
            objective = self._objective(config)
        keys = keys_of(objective.fusion)  # type: ignore[arg-type]
        for key, layer in keys.items():
            if key in shared:
                layer.load_state_dict(shared[key])
        train(objective, self.loader, run, Settings(self.recipe.search_epochs, self.machine.optim, "cosine"))
        return self._accuracy(objective), {
            key: {k: v.detach().cpu().clone() for k, v in layer.state_dict().items()} for key, layer in keys.items()
        }

    def _objective(self, config: Config) -> Supervised:
        chain = FusionChain(self.steps(config), width=self.recipe.search_width)
        encoders = {name: registry.make("encoders", "precomputed") for name in self.machine.encoders_}
        objective = Supervised(encoders, spec_of(self.fit.X), chain, MLPHead(()), self.fit.target)
        self.machine._start(objective, dict(self.fit.X.items()), replace(self.fit, valid=None))
        return objective.to(self.run.device)

    def _accuracy(self, objective: Supervised) -> float:
        with torch.inference_mode():
            scores = torch.cat([objective.outputs(batch) for batch in self.held.epoch(None)]).double().cpu().numpy()
        if self.truth.spec.task == "classes":
            return float((scores.argmax(axis=1) == self.truth.values).mean())
        return float(expit(-np.nanmean(row_loss(scores, self.truth))))


def keys_of(chain: FusionChain) -> dict[str, nn.Module]:
    """Layers by place, size and activation."""
    return {
        f"{level}|{layer.in_features}|{layer.out_features}|{step[2]}": layer  # type: ignore[union-attr]
        for level, (layer, step) in enumerate(zip(chain.layers, chain.plan, strict=True))
    }


class Trial:
    """What the search asks: accuracies of configurations. Remembers shared weights and, in a checkpoint folder, results.

    ``parallel`` chains are trained at once, each in a process of its own and all from the weights shared before; they then share theirs in
    their order. So what is found depends on ``parallel``, and not on how many processes there are.
    """

    def __init__(self, chains: Chains, checkpoint: Any, mark: Sequence[Any]) -> None:
        self.chains = chains
        self.shared: Shared = {}
        self.done: list[list[Any]] = []
        self.count = 0
        self.place = None if checkpoint is None else Path(checkpoint) / STATE
        contents = {name: features.content(column) for name, column in chains.data.X.items()}
        self.mark = "" if self.place is None else fingerprint(*mark, chains.run.seed, contents)
        self._resume()

    @contextlib.contextmanager
    def workers(self) -> Iterator[Callable[[Sequence[Config]], list[float]]]:
        """``evaluate`` with its processes running; they end with the block."""
        width = min(self.chains.recipe.parallel, cores())
        if width < 2 or self.chains.run.device != "cpu":
            yield lambda configs: self.evaluate(configs, lambda jobs: [self.chains.train(*job) for job in jobs])
            return
        spawn = multiprocessing.get_context("spawn")  # a forked process would inherit torch's threads in an unknown state
        with ProcessPoolExecutor(width, spawn, _begin, (self.chains,)) as pool:
            yield lambda configs: self.evaluate(configs, lambda jobs: list(pool.map(_train, *zip(*jobs, strict=True))))

    def evaluate(self, configs: Sequence[Config], together: Callable[[list[Any]], list[tuple[float, Shared]]]) -> list[float]:
        """Held-out accuracy of each chain."""
        out = [float(accuracy) for _, accuracy in self.done[self.count : self.count + len(configs)]]
        width = max(1, self.chains.recipe.parallel)
        while len(out) < len(configs):
            first = self.count + len(out)
            part = configs[len(out) : len(out) + width]
            found = together([(first + i, config, self.shared) for i, config in enumerate(part)])
            for config, (accuracy, weights) in zip(part, found, strict=True):
                self.shared.update(weights)
                self.done.append([[list(step) for step in config], accuracy])
                out.append(accuracy)
            self._keep()
        self.count += len(out)
        return out

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


_chains: Chains | None = None


def _begin(chains: Chains) -> None:
    """A worker's first act."""
    global _chains
    _chains = chains


def _train(number: int, config: Config, shared: Shared) -> tuple[float, Shared]:
    assert _chains is not None
    return _chains.train(number, config, shared)
