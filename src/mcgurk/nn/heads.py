"""Attention in several heads over projected queries, keys and values: one quick kernel for many small heads, torch's for the rest."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

KEYS, WIDTH, PLACES = 64, 8, 1 << 16  # few keys, narrow heads and many scores: where HeadByHead was measured to be the quicker,
LANES = 16  # unless the number of keys fills the vector registers that torch's kernel works with
SAFE = 60.0  # exp of scores up to this far from 0, summed over KEYS of them, stays well inside float32


def heads_mixed(query: Tensor, key_value: Tensor, heads: int, keys: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """``softmax(Q K^T / sqrt(d_k)) V`` in ``heads`` heads side by side.

    Not for: a query whose keys are all masked (:func:`mcgurk.nn.attention.keys_of` gives it all of them and has the outcome dropped).

    Args:
        query: Q.
        key_value: K and V side by side.
        heads: a divisor of the width of Q.
        keys: which keys a query sees; default all.
        dropout: of the weights.

    Shapes: (B, T, W), (B, S, 2 W), keys (B or 1, T or 1, S) bool -> (B, T, W).

    Source: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin 2017, Attention is all you need, NeurIPS, section 3.2.

    Example:
        >>> import torch
        >>> heads_mixed(torch.zeros(1, 1, 2), torch.tensor([[[0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 3.0, 5.0]]]), 2).tolist()
        [[[2.0, 5.0]]]
    """
    if dropout == 0 and keys is None and _small(query, key_value, heads):
        out: Tensor = HeadByHead.apply(query, key_value, heads)  # type: ignore[no-untyped-call]
        return out
    q = query.reshape(*query.shape[:2], heads, -1).transpose(1, 2)
    k, v = (part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in key_value.chunk(2, dim=2))
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=None if keys is None else keys[:, None], dropout_p=dropout)
    return mixed.transpose(1, 2).flatten(2)


def _small(query: Tensor, key_value: Tensor, heads: int) -> bool:
    (rows, steps, width), places = query.shape, key_value.shape[1]
    return bool(
        query.device.type == "cpu"
        and query.dtype == key_value.dtype
        and query.dtype in (torch.float32, torch.float64)
        and places <= KEYS
        and places % LANES
        and width <= WIDTH * heads
        and rows * steps * places >= PLACES
    )


class HeadByHead(torch.autograd.Function):
    """One head after another, so that its scores stay in the cache; the backward pass computes them again instead of keeping them.

    Scores are exponentiated as they are where Q and K bound them by ``SAFE``, else less the largest of their row. Every query sees every
    key: with masks torch's kernel is as quick. Gradients of gradients are not offered, as by torch's kernel.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key_value: Tensor, heads: int) -> Tensor:
        (rows, steps, width), places = query.shape, key_value.shape[1]
        scale = (width // heads) ** -0.5
        safe = _largest(query) * _largest(key_value[:, :, :width]) * (width // heads) * scale < SAFE
        scores = query.new_empty(rows, steps, places)
        out = query.new_empty(heads, rows, steps, width // heads)
        total = query.new_empty(heads, rows, steps, 1)
        tops = torch.zeros_like(total)
        k, v = _by_head(key_value, 2 * heads).chunk(2)
        for q_h, k_h, v_h, out_h, total_h, top_h in _each(_by_head(query, heads), k.transpose(2, 3), v, out, total, tops):
            torch.baddbmm(scores, q_h, k_h, beta=0, alpha=scale, out=scores)
            if not safe:
                scores.sub_(torch.amax(scores, 2, keepdim=True, out=top_h))
            scores.exp_()
            torch.bmm(scores, v_h, out=out_h)
            torch.sum(scores, 2, keepdim=True, out=total_h)
        out.div_(total)
        ctx.save_for_backward(query, key_value, out, total.log_().add_(tops))
        return _side_by_side(out)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        query, key_value, out, total = ctx.saved_tensors  # total: log of the sum of exponentials
        heads, rows, steps, d = out.shape
        scale = d**-0.5
        g = _by_head(grad, heads).contiguous()
        along = ((g * out).view(-1, d) @ g.new_ones(d, 1)).view_as(total)
        grad_q, grad_kv = torch.empty_like(out), query.new_empty(2 * heads, rows, d, key_value.shape[1])
        p, slope = query.new_empty(2, rows, steps, key_value.shape[1])
        (k, v), (grad_k, grad_v) = _by_head(key_value, 2 * heads).chunk(2), grad_kv.chunk(2)
        q = _by_head(query, heads)
        by_head = _each(q, q.transpose(2, 3), k, k.transpose(2, 3), v.transpose(2, 3), g, g.transpose(2, 3), total, along)
        for (q_h, qt, k_h, kt, vt, g_h, gt, total_h, along_h), to_q, to_k, to_v in zip(by_head, grad_q, grad_k, grad_v, strict=True):
            torch.baddbmm(p, q_h, kt, beta=0, alpha=scale, out=p).sub_(total_h).exp_()
            torch.bmm(gt, p, out=to_v)
            torch.bmm(g_h, vt, out=slope).sub_(along_h).mul_(p)
            torch.baddbmm(to_q, slope, k_h, beta=0, alpha=scale, out=to_q)
            torch.baddbmm(to_k, qt, slope, beta=0, alpha=scale, out=to_k)
        return _side_by_side(grad_q), _side_by_side(grad_kv.transpose(2, 3)), None


def _by_head(values: Tensor, heads: int) -> Tensor:
    """(B, T, W) -> (heads, B, T, W / heads)."""
    return values.reshape(*values.shape[:2], heads, -1).permute(2, 0, 1, 3)


def _side_by_side(values: Tensor) -> Tensor:
    """(heads, B, T, d) -> (B, T, heads d)."""
    return values.permute(1, 2, 0, 3).flatten(2)


def _each(*tensors: Tensor) -> Any:
    """One tuple a head."""
    return zip(*(tensor.unbind() for tensor in tensors), strict=True)


def _largest(values: Tensor) -> float:
    low, high = torch.aminmax(values)
    return max(-low.item(), high.item())
