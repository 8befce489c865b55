"""What a comparison needs to know about a metric besides its value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Metric:
    """A named figure of merit.

    Args:
        name: key in ``METRICS``.
        function: ``function(truth, prediction, weight=None) -> float``.
        greater_is_better: direction.
        needs: what the prediction is: "labels" (codes or 0/1 indicators), "scores" (probabilities), "numbers", "counts" (expected).
        label: what a report prints.
        tasks: target tasks it makes sense for: "classes", "multilabel", "number", "count".

    Example:
        >>> from mcgurk.metrics import METRICS
        >>> METRICS["accuracy"]([0, 1, 1], [0, 1, 0]).__round__(3)
        0.667
    """

    name: str
    function: Callable[..., float]
    greater_is_better: bool
    needs: str
    label: str
    tasks: tuple[str, ...]

    def __call__(self, truth: Any, prediction: Any, weight: Any | None = None) -> float:
        """The value on these rows."""
        return self.function(truth, prediction, weight=weight)
