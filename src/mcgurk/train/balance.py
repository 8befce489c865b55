"""Rules for the gradients of several loss terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mcgurk.params import Params


class Balance(Params, ABC):
    """Sets ``.grad`` of the parameters from named terms."""

    @abstractmethod
    def backward(self, terms: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> None:
        """Leave the combined gradient in every parameter's ``.grad``."""


class PCGrad(Balance):
    """Project conflicting gradients: g_i <- g_i - (g_i . g_j / |g_j|^2) g_j wherever g_i . g_j < 0, then sum.

    Terms are projected in the order of their names, so that a run repeats; the paper draws the order at random.

    Source: Yu, Kumar, Gupta, Levine, Hausman, Finn 2020, NeurIPS, algorithm 1.
    """

    def backward(self, terms: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> None:
        names = sorted(terms)
        grads = [_flat(torch.autograd.grad(terms[n], list(parameters), retain_graph=True, allow_unused=True), parameters) for n in names]
        projected = []
        for i, g in enumerate(grads):
            out = g.clone()
            for j, other in enumerate(grads):
                dot = out @ other
                if i != j and dot < 0:
                    out = out - dot / (other @ other).clamp(min=1e-20) * other
            projected.append(out)
        total, start = torch.stack(projected).sum(dim=0), 0
        for p in parameters:
            p.grad = total[start : start + p.numel()].reshape(p.shape).clone()
            start += p.numel()


def _flat(grads: Sequence[Tensor | None], parameters: Sequence[Tensor]) -> Tensor:
    return torch.cat(
        [
            torch.zeros(p.numel(), dtype=p.dtype, device=p.device) if g is None else g.reshape(-1)
            for g, p in zip(grads, parameters, strict=True)
        ]
    )
