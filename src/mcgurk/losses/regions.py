"""Masked regions: the distribution over classes that a detector gave, told from the rest of the picture and its text."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mcgurk.errors import DataError


def region_kl(logits: Tensor, target: Tensor, hidden: Tensor) -> Tensor:
    """``KL(target || softmax(logits)) = sum_c p_c (ln p_c - ln q_c)``, the mean over the hidden steps; 0, without gradient, where none is.

    Not for: hard labels of regions (cross-entropy).

    Args:
        logits: what the model says of every step.
        target: probabilities, which sum to 1 at every hidden step; what stands elsewhere never matters.
        hidden: which steps were masked and are to be told.

    Shapes: (B, T, C), (B, T, C), (B, T) bool -> ().

    Raises:
        DataError: shapes that do not fit.

    Source: Lu, Batra, Parikh, Lee 2019, ViLBERT, NeurIPS, section 3.1, masked multi-modal modelling.

    Example:
        >>> import torch
        >>> p = torch.tensor([[[0.5, 0.5]]])
        >>> region_kl(p.log(), p, torch.tensor([[True]])).item()
        0.0
    """
    if logits.shape != target.shape or hidden.shape != logits.shape[:-1]:
        raise DataError(
            f"logits {tuple(logits.shape)}, target {tuple(target.shape)} and hidden {tuple(hidden.shape)} do not fit; expected (B, T, C) "
            "twice and (B, T)"
        )
    logits, target = logits[hidden], target[hidden]
    each = F.kl_div(torch.log_softmax(logits, dim=-1), target, reduction="none").sum(dim=-1)
    return each.sum() / max(len(each), 1)
