"""Late fusion: one model a modality, decisions combined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcgurk import registry
from mcgurk.base import Estimator
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.fusion.graph import FusionGraph
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.rule import Rule
from mcgurk.fusion.single import branch
from mcgurk.fusion.stacking import Stacking


class Late(Recipe):
    """One analysis unit a modality; decisions combined by a rule, by fitted weights, or by out-of-fold stacking.

    Absent modalities simply do not decide, so any subset predicts.

    Not for: signals that only exist between modalities, such as an exclusive-or (use early with trees, tensor or lowrank).

    Args:
        rule: "stacking", or a name of :class:`~mcgurk.fusion.rule.Rule` such as "mean", "product", "vote", "log", or a DecisionFusion.
        unit: for every modality, or a dict from column to unit.
        weights: of the rule: None, "fit" or a dict from column to weight.
        calibrate: one temperature a modality before the rule.
        columns: which; None for all.

    Shapes: M columns of n rows -> M decisions (n, k) -> scores (n, k).

    Source: Kittler, Hatef, Duin, Matas 1998, IEEE TPAMI 20:226-239; Wolpert 1992, Neural Networks 5:241-259.

    Example:
        >>> from mcgurk.fusion import Late
        >>> Late("product", calibrate=True)
        Late(rule='product', calibrate=True)
    """

    def __init__(
        self,
        rule: Any = "stacking",
        *,
        unit: Any = "linear",
        weights: Any = None,
        calibrate: bool = False,
        columns: tuple[str, ...] | None = None,
    ) -> None:
        self.rule = rule
        self.unit = unit
        self.weights = weights
        self.calibrate = calibrate
        self.columns = columns

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        columns = tuple(self.columns or spec)
        nodes: dict[str, Any] = {}
        for column in columns:
            nodes |= branch(column, column, unit_of(self.unit, column), decision=f"{column} decision")
        weights = {f"{c} decision": w for c, w in self.weights.items()} if isinstance(self.weights, Mapping) else self.weights
        nodes["decision"] = (decision_fusion(self.rule, weights, self.calibrate), tuple(f"{c} decision" for c in columns))
        return FusionGraph(nodes, "decision").make(estimator, spec, target)


def unit_of(unit: Any, column: str) -> Any:
    """The unit of one column from one choice for all or a dict by column."""
    return unit.get(column, "linear") if isinstance(unit, Mapping) else unit


def decision_fusion(rule: Any, weights: Any, calibrate: bool) -> Any:
    """A DecisionFusion from "stacking", a rule's name, or an object."""
    if rule == "stacking":
        return Stacking()
    if isinstance(rule, str):
        return Rule(rule, weights=weights, calibrate=calibrate)
    return registry.make("fusion", rule)
