"""DynMM at the level of fusion: a gate decides, row by row, in how many stages the other modalities join the main one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion._shift import main_of
from mcgurk.fusion._vectors import blocks, widths
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.routing import RoutingObjective, check_settings, savings
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense
from mcgurk.train.objective import Objective


class DynMMStages(Recipe):
    """``h_(j+1) = block_j(h_j) + [j < k] sum_m U_(m,j) block_(m,j)(h_(m,j))`` for stages j = 0 .. K-1 of a main modality h; a gate over the
    paths k = 0 .. K says how deep the others go along.

    On path 0 only the main modality is computed, on path k the others are up to stage k, so that a row pays for what it needs. First all
    paths are trained, then the gate, as in :class:`~mcgurk.fusion.dynmm.DynMM`. Rows without the main modality take the last path; rows
    with nothing else the first.

    Not for: a single modality, or others that cost no more than the main one.

    Args:
        main: the modality that every path computes; default: "text" if there is one, else the first by name.
        stages: K.
        width: of every block.
        gate: columns the gate reads; name the cheap one where encoders cost. Default: all.
        gate_hidden, weight, noise, tau, pretrain, tune, ramp, costs: as in DynMM. The published tau=(1.0, .001) wants hundreds of epochs:
            the gate stops moving when it is cold.

    Shapes: M Slots (B, d_m), sequences pooled -> scores (B, k).

    Raises:
        DataError: one column, sizes below 1, settings of the gate that DynMM refuses, a ``main`` that is no column.
        UnknownName: a column that is not there.

    Source: Xue, Marculescu 2023, Dynamic multimodal fusion, CVPR workshop on multimodal learning and applications, section 3.3. Blocks are
        linear with ReLU; training every path before the gate, instead of the last one alone, is ours.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.fusion import DynMMStages
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(64, 2)), "b": rng.normal(size=(64, 2))}
        >>> model = FusionClassifier(DynMMStages(stages=2, width=8), epochs=4).fit(X, X["a"][:, 0] > 0)
        >>> DynMMStages.savings(model, X).table.expert.tolist()
        ['a alone', '1 of 2 stages', 'all stages']
    """

    trains: ClassVar[bool] = True

    def __init__(
        self,
        main: str | None = None,
        *,
        stages: int = 4,
        width: int = 64,
        gate: Sequence[str] | None = None,
        gate_hidden: tuple[int, ...] = (64,),
        weight: float = 0.1,
        noise: bool = True,
        tau: float | tuple[float, float] = 1.0,
        pretrain: float = 0.5,
        tune: bool = True,
        ramp: float = 0.3,
        costs: Mapping[str, float] | None = None,
    ) -> None:
        self.main = main
        self.stages = stages
        self.width = width
        self.gate = gate
        self.gate_hidden = gate_hidden
        self.weight = weight
        self.noise = noise
        self.tau = tau
        self.pretrain = pretrain
        self.tune = tune
        self.ramp = ramp
        self.costs = costs

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Objective:
        if len(spec) < 2 or min(self.stages, self.width) < 1:
            raise DataError(
                f"{len(spec)} columns, stages={self.stages}, width={self.width}; stages need two or more columns, and sizes from 1"
            )
        check_settings(self, spec, ())
        return StagesObjective(estimator, spec, target, self)

    savings = staticmethod(savings)


class Stages(Fusion):
    """The blocks of every modality and what the others hand to the main one.

    Shapes: M Slots (B, d_m) -> (B, width).
    """

    wants: ClassVar[str] = "vector"

    def __init__(self, main: str | None = None, *, stages: int = 4, width: int = 64) -> None:
        super().__init__()
        self.main = main
        self.stages = stages
        self.width = width

    def build(self, specs: dict[str, SlotSpec]) -> None:
        self.built = widths(specs)
        self.first = main_of(self.main, self.built)
        sizes = {name: [size, *[self.width] * self.stages] for name, size in self.built.items()}
        self.blocks = NamedModules(
            {name: nn.ModuleList(nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(chain)) for name, chain in sizes.items()}
        )
        others = [name for name in self.built if name != self.first]
        self.joins = NamedModules({name: nn.ModuleList(nn.Linear(self.width, self.width) for _ in range(self.stages)) for name in others})
        self.out = SlotSpec((self.width,))

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self)

    def forward(self, slots: dict[str, Slot], depth: int | None = None) -> Slot:
        """With the other modalities in the first ``depth`` stages (all of them by default); where it is 0 they need not be there."""
        depth = self.stages if depth is None else depth
        known = {name: size for name, size in self.built.items() if name == self.first or depth}
        values = dict(zip(known, blocks(slots, known), strict=True))
        main, present = values[self.first]
        hidden = {name: here for name, (here, _) in values.items() if name != self.first}
        for stage in range(self.stages):
            main = self.blocks[self.first][stage](main)
            if stage < depth:
                for name in hidden:
                    hidden[name] = self.blocks[name][stage](hidden[name])
                    told = self.joins[name][stage](hidden[name])
                    main = main + torch.where(values[name][1][:, None], told, torch.zeros_like(told))
        for name in hidden:
            present = present | values[name][1]
        return Slot(main, present)


class StagesObjective(RoutingObjective):
    """The objective of :class:`DynMMStages`: one expert a path, all of the same blocks."""

    def __init__(self, estimator: Any, prepared: Spec, target: TargetSpec, recipe: DynMMStages) -> None:
        names = tuple(sorted(prepared))
        main = main_of(recipe.main, dict.fromkeys(names, 1))
        some = [f"{k} of {recipe.stages} stages" for k in range(1, recipe.stages)]
        columns = {f"{main} alone": (main,), **dict.fromkeys([*some, "all stages"], names)}
        super().__init__(estimator, prepared, target, recipe, Stages(main, stages=recipe.stages, width=recipe.width), columns)

    def expert(self, key: str, slots: Mapping[str, Slot]) -> Tensor:
        vectors = {c: self.vector(c, slots[c]) for c in self.columns[key]}
        fused: Slot = self.fusion(vectors, self.keys.index(key))
        scores: Tensor = self.head(fused) + self.offset
        return scores

    def feasible(self, slots: Mapping[str, Slot]) -> Tensor:
        here = {c: self.vector(c, slot).present if self.windowed else slot.present for c, slot in slots.items()}
        main = here[self.columns[self.keys[0]][0]]
        more = torch.stack([here[c] for c in self.encoders.names()]).sum(dim=0) > main.long()
        inner = [main & more for _ in self.keys[1:-1]]
        return torch.stack([main, *inner, more], dim=1)
