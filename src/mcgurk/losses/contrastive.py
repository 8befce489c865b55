"""Contrastive losses: a row's counterpart against all others of the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mcgurk.errors import DataError


def info_nce(u: Tensor, v: Tensor, scale: Tensor | float = 1.0, *, chunk: int | None = None) -> Tensor:
    """``(CE(l, I) + CE(l^T, I)) / 2`` with ``l = scale u v^T``: which row of v belongs to a row of u, and the other way round.

    ``log B - loss`` is a lower bound on the mutual information of u and v. Computed in float32 or wider. An item that a batch holds twice
    shares the probability between its copies, which raises the least possible loss but pulls nothing apart.

    Args:
        u, v: (B, k), usually of unit length.
        scale: 1 / temperature.
        chunk: rows of u at a time; the logits of a chunk are computed again in the backward pass, so memory is B chunk instead of B^2.

    Shapes: (B, k), (B, k) -> ().

    Raises:
        DataError: u and v differ in shape.

    Source: van den Oord, Li, Vinyals 2018, Representation learning with contrastive predictive coding, arXiv 1807.03748; symmetric form:
        Radford et al. 2021, Learning transferable visual models from natural language supervision, ICML, figure 3.

    Example:
        >>> import torch
        >>> round(info_nce(torch.eye(4), torch.eye(4)).item(), 6)
        0.743668
    """
    if u.shape != v.shape or u.dim() != 2:
        raise DataError(f"u has shape {tuple(u.shape)} and v {tuple(v.shape)}; both must be (B, k)")
    with torch.autocast(u.device.type, enabled=False):
        u, v = _wide(u), _wide(v)
        scale = torch.as_tensor(scale, dtype=u.dtype, device=u.device)
        if chunk is None:
            by_row, by_column = _log_sums(u, v, scale)
        else:
            parts = [checkpoint(_log_sums, some, v, scale, use_reentrant=False) for some in torch.split(u, chunk)]
            by_row = torch.cat([rows for rows, _ in parts])
            by_column = torch.logsumexp(torch.stack([columns for _, columns in parts]), dim=0)
        own = scale * (u * v).sum(dim=1)
        return (by_row + by_column).mean() / 2 - own.mean()


def _log_sums(u: Tensor, v: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Log-sums of the exponentiated logits of these rows along rows and along columns."""
    logits = scale * (u @ v.T)
    return torch.logsumexp(logits, dim=1), torch.logsumexp(logits, dim=0)


def _wide(values: Tensor) -> Tensor:
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
