"""Encoders, fusion, head: the objective of every supervised network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.nn.batch import Batch
from mcgurk.nn.component import Encoder, Fusion, Head
from mcgurk.train.objective import Step
from mcgurk.train.readout import LOSS_NAMES, Readout
from mcgurk.train.trunk import Trunk


class Supervised(Readout, Trunk):
    """Cross-entropy, squared error or Poisson likelihood of a fused representation (:class:`~mcgurk.train.trunk.Trunk`).

    It ends in a head whose scores start at the training rows' prior. Rows must be labelled; steps need not be.

    Args:
        encoders, prepared, fusion, modality_dropout, pooling, context: of the trunk.
        head: not yet built.
        target: the target with training-row statistics.
        class_weight: (classes,) weights of the classes with mean 1 over training rows, or None.
    """

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        prepared: Spec,
        fusion: Fusion,
        head: Head,
        target: TargetSpec,
        *,
        modality_dropout: float = 0.0,
        class_weight: np.ndarray | None = None,
        pooling: str = "mean",
        context: Any = 0,
    ) -> None:
        super().__init__(encoders, prepared, fusion, per=target.per, modality_dropout=modality_dropout, pooling=pooling, context=context)
        head.build(fusion.out, target)
        self.head = head
        self.read_out(target, class_weight)

    def scores(self, batch: Batch) -> Tensor:
        """(B, k) scores (steps one after another where there is a label per step): logits, standardised numbers, log-means."""
        return self.head(self.fusion(self.encode(batch))) + self.offset

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        return {LOSS_NAMES[self.target.task or ""]: self.loss_of(self.scores(self.dropped(batch, step)), batch)}

    def outputs(self, batch: Batch) -> Tensor:
        """(B, k) scores in the target's units."""
        return self.in_units(self.scores(batch))
