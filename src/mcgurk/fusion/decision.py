"""Decisions and what combines them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mcgurk.data.target import Target, TargetSpec
from mcgurk.params import Params
from mcgurk.roles import prior_scores
from mcgurk.run import Run


@dataclass(frozen=True, eq=False)
class Decision:
    """Scores of one unit: (n, k) logits, numbers or log-means, and (n,) bool where the unit could decide."""

    scores: np.ndarray
    present: np.ndarray

    def filled(self, target: TargetSpec) -> np.ndarray:
        """Scores with the prior where the unit could not decide."""
        return np.where(self.present[:, None], self.scores, prior_scores(target))


class DecisionFusion(Params, ABC):
    """D.. -> D. ``learns`` says whether out-of-fold decisions must be made for it.

    Learned state is in attributes ending "_".
    """

    learns: ClassVar[bool] = False

    def fit(
        self,
        decisions: Mapping[str, Decision],
        y: Target,
        weight: np.ndarray | None,
        groups: np.ndarray,
        run: Run,
        offsets: np.ndarray | None,
    ) -> DecisionFusion:
        """Learn from out-of-fold decisions only; the graph never hands in others. ``offsets`` bound sequences where rows are steps."""
        self.target_ = y.spec
        return self

    @abstractmethod
    def combine(self, decisions: Mapping[str, Decision], offsets: np.ndarray | None) -> Decision:
        """One decision from several; a row in which none is present is absent."""


class AsFeatures(Params):
    """A decision as features of another analysis unit: its scores, the prior's where it could not decide.

    In a graph, what reads these features learns from decisions of units that did not see the row.

    Not for: combining decisions of equal standing (use Rule or Stacking).

    Shapes: a decision (n, k) -> (n, k).

    Example:
        >>> from mcgurk.fusion import AsFeatures, FusionGraph, LinearUnit, SideBySide, Source, TreesUnit
        >>> graph = FusionGraph({
        ...     "text": Source("text"), "table": Source("table"), "tone": (LinearUnit(), ("text",)), "toned": (AsFeatures(), ("tone",)),
        ...     "joined": (SideBySide(), ("table", "toned")), "out": (TreesUnit(), ("joined",)),
        ... })
        >>> graph.end
        'out'
    """

    def transform(self, decision: Decision, target: TargetSpec) -> np.ndarray:
        """(n, k) features."""
        return decision.filled(target)


def log_proba(scores: np.ndarray, task: str) -> np.ndarray:
    """(n, k) logits as log-probabilities: (n, k) for classes, (n, L, 2) for multilabel."""
    if task == "classes":
        top = scores - scores.max(axis=1, keepdims=True)
        return top - np.log(np.exp(top).sum(axis=1, keepdims=True))
    return np.stack([-np.logaddexp(0, scores), -np.logaddexp(0, -scores)], axis=-1)


def stacked(decisions: Mapping[str, Decision]) -> tuple[Any, np.ndarray]:
    """(n, M, k) scores and (n, M) presence."""
    return np.stack([d.scores for d in decisions.values()], axis=1), np.stack([d.present for d in decisions.values()], axis=1)
