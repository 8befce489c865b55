"""DynMM: a gate sends every row to one expert, so that easy rows are answered cheaply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from mcgurk import registry
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, listing
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.routing import RoutingObjective, check_settings, savings
from mcgurk.nn.batch import Slot
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.masked import as_sequence
from mcgurk.nn.mlp import MLPHead
from mcgurk.train.objective import Objective

ALL = "all"


class DynMM(Recipe):
    """``y = sum_k g_k E_k(x)`` with one expert k a row: g is the one-hot argmax of a gate's logits.

    First the experts are trained on the task, each on rows that have its modalities. Then the gate is, through a straight-through
    softmax with Gumbel noise, on ``L_task + lambda sum_k mean(g_k) C_k``, C_k an expert's operations over the most expensive one's. The
    gate starts uniform, and lambda rises slowly, so that it does not collapse. In prediction rows are grouped by expert, and an expert
    runs once, on its own rows. Experts that need an absent modality cannot be chosen.

    Not for: rows that are all equally hard, or features whose cost lies before the network unless ``costs`` says so.

    Args:
        fusion: the layer of the expert of all modalities, called "all".
        experts: name -> dict with "columns" and optionally "fusion" and "hidden"; default: every single modality. "all" is always there.
        gate: columns the gate reads; name cheap ones where encoders cost. Default: all.
        gate_hidden: widths of the gate's hidden layers.
        weight: lambda.
        noise: Gumbel noise in the gate while it is trained; False is a plain softmax, as in the released code.
        tau: temperature of the softmax, or (first, last), falling exponentially.
        pretrain: share of the epochs that trains experts.
        tune: whether experts go on learning with the gate.
        ramp: share of the gate's epochs in which lambda rises from 0.
        costs: column -> operations a row spent on it before the network (a frozen encoder, a sensor).

    Shapes: M Slots (B, d_m) or (B, T_m, d_m) -> scores (B, k).

    Raises:
        DataError: lambda below 0, a temperature not above 0, shares outside 0 to 1, an expert without columns.
        UnknownName: a column that is not there.

    Source: Xue, Marculescu 2023, Dynamic multimodal fusion, CVPR workshop on multimodal learning and applications, section 3; normalising
        costs by the largest is ours.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.fusion import DynMM
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(64, 2)), "b": rng.normal(size=(64, 2))}
        >>> model = FusionClassifier(DynMM(weight=1.0), epochs=4).fit(X, X["a"][:, 0] > 0)
        >>> DynMM.savings(model, X).table.expert.tolist()
        ['a', 'b', 'all']
    """

    trains: ClassVar[bool] = True

    def __init__(
        self,
        fusion: Any = "concat",
        *,
        experts: Mapping[str, Mapping[str, Any]] | None = None,
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
        self.fusion = fusion
        self.experts = experts
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
        experts = self._experts(spec)
        check_settings(self, spec, (column for expert in experts.values() for column in expert["columns"]))
        return DynMMObjective(estimator, spec, target, self, experts)

    savings = staticmethod(savings)

    def _experts(self, spec: Spec) -> dict[str, dict[str, Any]]:
        given = self.experts if self.experts is not None else {name: {"columns": (name,)} for name in (spec if len(spec) > 1 else ())}
        if ALL in given or any(not expert.get("columns") for expert in given.values()):
            raise DataError(
                f"experts are {listing(given)}; each needs columns, and {ALL!r} is the one of all columns, which is always there"
            )
        return {name: {"fusion": "concat", "hidden": None, **expert} for name, expert in given.items()}


class DynMMObjective(RoutingObjective):
    """The objective of :class:`DynMM`; its own fusion layer and head are the expert "all"."""

    learners: ClassVar[str] = "encoders.* fusion.* head.* experts.*"

    def __init__(self, estimator: Any, prepared: Spec, target: TargetSpec, recipe: DynMM, experts: Mapping[str, Mapping[str, Any]]) -> None:
        columns = {**{name: tuple(expert["columns"]) for name, expert in experts.items()}, ALL: tuple(sorted(prepared))}
        super().__init__(estimator, prepared, target, recipe, registry.make("fusion", recipe.fusion), columns)
        own: dict[str, nn.Module] = {}
        for name, expert in experts.items():
            hidden = estimator.hidden if expert["hidden"] is None else expert["hidden"]
            own[name] = self._expert(registry.make("fusion", expert["fusion"]), tuple(sorted(expert["columns"])), hidden, estimator.dropout)
        self.experts = NamedModules(own)

    def _expert(self, fusion: Any, columns: tuple[str, ...], hidden: Sequence[int], dropout: float) -> nn.ModuleDict:
        fusion.build({c: self._adapted(self.encoders[c].out, fusion) for c in columns})
        head = MLPHead(tuple(hidden), dropout)
        head.build(fusion.out, self.target)
        return nn.ModuleDict({"fusion": fusion, "head": head})

    def layers(self) -> list[Fusion]:
        return [self.fusion, *(expert["fusion"] for expert in self.experts.table.values())]

    def expert(self, key: str, slots: Mapping[str, Slot]) -> Tensor:
        """(B, k) scores of one expert."""
        fusion, head = (self.fusion, self.head) if key == ALL else self.experts[key].values()
        columns = sorted(self.columns[key])
        lengthen = fusion.wants == "sequence"
        return head(fusion({c: as_sequence(slots[c]) if lengthen else self.vector(c, slots[c]) for c in columns})) + self.offset
