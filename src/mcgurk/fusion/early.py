"""Early fusion: one model of everything at once."""

from __future__ import annotations

from typing import Any

from mcgurk import registry
from mcgurk.base import Estimator
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.fusion.graph import FusionGraph, Source
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.side_by_side import SideBySide
from mcgurk.fusion.single import reduction


class Early(Recipe):
    """Standardised blocks of all modalities side by side, one analysis unit: it sees correlations of features across modalities.

    ``f(x) = AU([x_1 / sqrt(d_1); ...; x_M / sqrt(d_M); flags])``.

    Not for: modalities that are often absent or run on different clocks (use late).

    Args:
        unit: "linear", "trees", "network", or a Unit.
        columns: which; None for all.
        balance: equal weight to every block.

    Shapes: M columns of n rows, encoded to (n, d_m) -> features (n, sum d_m + flags) -> scores (n, k).

    Source: Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems 16:345-379, section 3.1.

    Example:
        >>> from mcgurk.fusion import Early
        >>> Early("trees")
        Early(unit='trees')
    """

    def __init__(self, unit: Any = "linear", *, columns: tuple[str, ...] | None = None, balance: bool = True) -> None:
        self.unit = unit
        self.columns = columns
        self.balance = balance

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        return FusionGraph(early_nodes(tuple(self.columns or spec), self.unit, self.balance), "decision").make(estimator, spec, target)


def early_nodes(columns: tuple[str, ...], unit: Any, balance: bool = True, decision: str = "decision") -> dict[str, Any]:
    """Nodes Sources -> SideBySide -> unit, the last called ``decision``."""
    made = registry.make("fusion", unit)
    joined = SideBySide(balance=balance, reduce=reduction(made))
    return {**{c: Source(c) for c in columns}, f"{decision} features": (joined, columns), decision: (made, (f"{decision} features",))}
