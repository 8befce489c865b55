"""Hybrid fusion: early fusion and single modalities below one decision."""

from __future__ import annotations

from typing import Any

from mcgurk.base import Estimator
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.fusion.early import early_nodes
from mcgurk.fusion.graph import FusionGraph
from mcgurk.fusion.late import decision_fusion, unit_of
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.single import branch


class Hybrid(Recipe):
    """``D = DF(AU_1(F_1), ..., AU_M(F_M), AU_0(FF(F_1..F_M)))``: units trained apart, their decisions combined.

    Args:
        rule: as in :class:`~mcgurk.fusion.late.Late`.
        unit: of the single modalities, one for all or by column.
        joint: unit of the early branch.
        weights, calibrate: of the rule; weights by input: column names and "early".
        columns: which; None for all.

    Shapes: M columns of n rows -> M + 1 decisions (n, k) -> scores (n, k).

    Source: Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems 16:345-379, section 3.3.

    Example:
        >>> from mcgurk.fusion import Hybrid
        >>> Hybrid("mean", joint="trees")
        Hybrid(rule='mean', joint='trees')
    """

    def __init__(
        self,
        rule: Any = "stacking",
        *,
        unit: Any = "linear",
        joint: Any = "linear",
        weights: Any = None,
        calibrate: bool = False,
        columns: tuple[str, ...] | None = None,
    ) -> None:
        self.rule = rule
        self.unit = unit
        self.joint = joint
        self.weights = weights
        self.calibrate = calibrate
        self.columns = columns

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        columns = tuple(self.columns or spec)
        nodes: dict[str, Any] = {}
        for column in columns:
            nodes |= branch(column, column, unit_of(self.unit, column), decision=f"{column} decision")
        nodes |= early_nodes(columns, self.joint, decision="early decision")
        inputs = (*(f"{c} decision" for c in columns), "early decision")
        weights = {f"{c} decision": w for c, w in self.weights.items()} if isinstance(self.weights, dict) else self.weights
        nodes["decision"] = (decision_fusion(self.rule, weights, self.calibrate), inputs)
        return FusionGraph(nodes, "decision").make(estimator, spec, target)
