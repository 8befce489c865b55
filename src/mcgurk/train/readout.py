"""What the scores of one target mean: where they start, in which units they are, and what they cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.data.target import Target, TargetSpec
from mcgurk.errors import DataError
from mcgurk.nn.batch import Batch
from mcgurk.roles import prior_scores

LOSS_NAMES = {"classes": "cross_entropy", "multilabel": "binary_cross_entropy", "number": "squared_error", "count": "poisson"}


class Readout(nn.Module):
    """Base of modules that end in scores of one target: ``read_out`` says which."""

    target: TargetSpec
    offset: Tensor
    center: Tensor
    scale: Tensor
    class_weight: Tensor | None

    def read_out(self, target: TargetSpec, class_weight: np.ndarray | None = None) -> None:
        """Scores are of this target (with training-row statistics).

        Args:
            class_weight: (classes,) weights of the classes with mean 1 over training rows, or None.
        """
        self.target = target
        offset = prior_scores(target) if target.task != "number" else np.zeros(target.columns)
        self.register_buffer("offset", torch.as_tensor(offset, dtype=torch.float32))
        self.register_buffer("center", torch.tensor(target.center, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(target.scale, dtype=torch.float32))
        self.register_buffer("class_weight", None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.float32))

    def loss_of(self, scores: Tensor, batch: Batch) -> Tensor:
        """The target's loss of given scores on a batch's labels: the mean over labelled rows, weighted."""
        y, weight = batch.y, batch.weight
        assert y is not None
        if weight is not None and batch.lengths is not None:
            weight = torch.repeat_interleave(weight, batch.lengths)
        if self.target.task == "classes":
            if weight is None and self.class_weight is None and self.target.per == "row":
                return F.cross_entropy(scores, y)
            return self._weighted(scores, y, weight)
        known = ~torch.isnan(y)
        truth = torch.where(known, y, torch.zeros_like(y))
        if self.target.task == "multilabel":
            each = F.binary_cross_entropy_with_logits(scores, truth, reduction="none")
        elif self.target.task == "count":
            each = scores.exp() - truth * scores
        else:
            each = (scores - (truth - self.center) / self.scale) ** 2
        each = torch.where(known, each, torch.zeros_like(each))
        if weight is not None:
            each = each * weight[:, None]
        return each.sum() / known.sum().clamp(min=1)

    def loss_where(self, scores: Tensor, batch: Batch, rows: Tensor) -> Tensor:
        """The loss on ``rows`` (bool) alone, such as those a branch or an expert can decide; 0 where there is none."""
        y, weight = batch.y, batch.weight
        assert y is not None
        if self.target.task != "classes":
            return self.loss_of(scores, replace(batch, y=torch.where(rows[:, None], y, torch.full_like(y, torch.nan))))
        if weight is not None and batch.lengths is not None:
            weight = torch.repeat_interleave(weight, batch.lengths)
        return self._weighted(scores, torch.where(rows, y, torch.full_like(y, -1)), weight)

    def _weighted(self, scores: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
        each = F.cross_entropy(scores, y.clamp(min=0), reduction="none")
        each = torch.where(y >= 0, each, torch.zeros_like(each))
        if self.class_weight is not None:
            each = each * self.class_weight[y.clamp(min=0)]
        if weight is not None:
            each = each * weight
        return each.sum() / (y >= 0).sum().clamp(min=1)

    def in_units(self, scores: Tensor) -> Tensor:
        """Scores in the target's units."""
        return scores * self.scale + self.center if self.target.task == "number" else scores


def class_weights(choice: Any, target: TargetSpec) -> np.ndarray | None:
    """(classes,) weights with mean 1 over the training rows, from None, "balanced" or a dict from class to weight."""
    if choice is None or target.task != "classes":
        return None
    prior = np.asarray(target.prior)
    if choice == "balanced":
        weights = 1 / np.maximum(prior, 1e-12)
        weights[prior == 0] = 0
    elif isinstance(choice, dict):
        unknown = [label for label in choice if label not in target.classes]
        if unknown:
            raise DataError(f"class_weight names {unknown[0]!r}, which is no class; classes are {', '.join(map(str, target.classes[:8]))}")
        weights = np.array([float(choice.get(label, 1.0)) for label in target.classes])
    else:
        raise DataError(f"class_weight={choice!r}; expected None, 'balanced' or a dict from class to weight")
    return weights / max(float(weights @ prior), 1e-12)


def row_loss(scores: np.ndarray, y: Target) -> np.ndarray:
    """(n,) log loss, squared error or Poisson deviance of each row; NaN where unlabelled."""
    spec, truth = y.spec, y.values
    if spec.task == "classes":
        top = scores.max(axis=1, keepdims=True)
        log_p = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
        return np.where(truth >= 0, -log_p[np.arange(len(truth)), np.maximum(truth, 0)], np.nan)
    if spec.task == "multilabel":
        each = np.logaddexp(0, scores) - truth * scores
    elif spec.task == "count":
        each = np.exp(np.clip(scores, -50, 50)) - truth * scores
    else:
        each = ((scores - truth) / np.asarray(spec.scale)) ** 2
    counted = ~np.isnan(each)
    total = np.where(counted, each, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    return np.where(counted.any(axis=1), total, np.nan)
