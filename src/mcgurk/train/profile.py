"""What a model weighs and what a row costs: learned numbers and multiply-accumulates, part by part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from mcgurk.data.column import Dense, Ragged
from mcgurk.data.spec import ColumnSpec, Spec
from mcgurk.errors import DataError, listing
from mcgurk.nn.batch import Batch
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import Counter
from mcgurk.results import Result
from mcgurk.train.objective import Objective

if TYPE_CHECKING:
    import pandas as pd

ROWS = 32
"""Rows a cost is averaged over, each run by itself, so that no padding is counted."""


@dataclass(frozen=True)
class Part:
    """One part of a model.

    Args:
        name: where it stands in the model.
        parameters: learned numbers.
        trainable: those that training may change.
        macs: multiply-accumulates a row (:mod:`mcgurk.nn.macs` says what counts as one).
    """

    name: str
    parameters: int
    trainable: int
    macs: float


@dataclass(frozen=True, eq=False)
class Profile(Result):
    """Learned numbers and multiply-accumulates of a prediction for one row.

    What a frozen encoder computes before training (``prepare``, kept in the feature cache) is in neither; nor are decision rules.

    Args:
        parts: in the model's order.
        rows: rows the cost was averaged over; 0 where it came from formulas.

    Example:
        >>> found = Profile((Part("fusion", 20, 20, 16.0), Part("head", 6, 6, 4.0)))
        >>> found.parameters, found.macs
        (26, 20.0)
    """

    parts: tuple[Part, ...]
    rows: int = 0

    @property
    def parameters(self) -> int:
        """Learned numbers of all parts."""
        return sum(part.parameters for part in self.parts)

    @property
    def trainable(self) -> int:
        """Learned numbers that training may change."""
        return sum(part.trainable for part in self.parts)

    @property
    def macs(self) -> float:
        """Multiply-accumulates a row."""
        return sum(part.macs for part in self.parts)

    def to_frame(self) -> pd.DataFrame:
        """One line a part."""
        import pandas as pd

        return pd.DataFrame([vars(part) for part in self.parts], columns=["name", "parameters", "trainable", "macs"])

    def named(self, name: str) -> Profile:
        """The same as parts of something larger."""
        return Profile(tuple(Part(f"{name} {part.name}", part.parameters, part.trainable, part.macs) for part in self.parts), self.rows)


def of_layer(layer: Fusion, steps: int | Mapping[str, int] = 1) -> Profile:
    """A built fusion layer, by its formula.

    Args:
        layer: after ``build``.
        steps: of each modality that is a sequence; one number for all of them.

    Raises:
        DataError: the layer has no formula for its cost.

    Example:
        >>> from mcgurk.fusion import MulT
        >>> from mcgurk.nn import SlotSpec
        >>> layer = MulT(width=8, heads=2, depth=1, memory=1)
        >>> layer.build({"sound": SlotSpec((3,), True), "text": SlotSpec((2,), True)})
        >>> found = of_layer(layer, {"sound": 50, "text": 10})
        >>> found.parameters, int(found.macs)
        (4136, 151632)
    """
    lengths = steps if isinstance(steps, Mapping) else defaultdict(lambda: steps)
    macs = layer.macs(lengths)
    if macs is None:
        raise DataError(f"{type(layer).__name__} has no formula for its cost; give it macs(steps), or profile a model that uses it")
    return Profile((Part(type(layer).__name__, *_sizes(layer.parameters()), float(macs)),))


def of_objective(objective: Objective, batches: Iterable[Batch]) -> Profile:
    """A network, counted while it answers batches of one row each."""
    parts = dict(_parts(objective))
    objective.eval()
    rows = 0
    with torch.no_grad(), Counter() as counter, counter.parts(parts) as spent:
        for batch in batches:
            objective.outputs(batch)
            rows += len(batch)
    found = [Part(name, *_sizes(module.parameters()), spent[name] / rows) for name, module in parts.items()]
    found.append(Part("rest", *_sizes(objective.parameters(recurse=False)), (counter.macs - sum(spent.values())) / rows))
    return Profile(tuple(part for part in found if part.parameters or part.macs > 1e-9), rows)


def imagined(prepared: Spec) -> dict[str, Dense | Ragged]:
    """One row of zeros that has every column, for columns of one item a row.

    Raises:
        DataError: a column keeps its steps, whose number is unknown.
    """
    long = [name for name, spec in prepared.items() if spec.sequence]
    if long:
        raise DataError(f"the cost of a row depends on the lengths of {listing(long)}; give X, the rows to count")
    return {name: Dense(np.zeros((1, *spec.item), _dtype(spec)), np.ones(1, dtype=bool), spec.kind) for name, spec in prepared.items()}


def spread(n: int, most: int = ROWS) -> np.ndarray:
    """Up to ``most`` row numbers, evenly over n."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def _dtype(spec: ColumnSpec) -> type:
    return np.int64 if spec.kind == "tokens" else np.uint8 if spec.kind in ("image", "video") else np.float32


def _sizes(parameters: Iterable[nn.Parameter]) -> tuple[int, int]:
    """(learned numbers, those that training may change)."""
    sizes = [(p.numel(), p.numel() if p.requires_grad else 0) for p in parameters]
    return sum(size for size, _ in sizes), sum(size for _, size in sizes)


def _parts(module: nn.Module, above: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules a network is made of, seen through the containers that only hold them."""
    for name, child in module.named_children():
        path = f"{above}.{name}" if above else name
        if isinstance(child, (NamedModules, nn.ModuleDict, nn.ModuleList)):
            yield from _parts(child, path)
        else:
            yield path, child
