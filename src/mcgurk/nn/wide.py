"""Linear layers over very many inputs, by whichever of torch's two routes for matrix products is quicker without being less exact."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

WIDE = 4096  # inputs from which the other route pays; at small sizes it is up to five times slower
BOUND = 1e-5  # largest error of a route, as a share of the largest result; that of an ordinary float32 product is about 1e-6


@dataclass(frozen=True)
class Route:
    """Which matrix product wide layers use here, and what the probe of the other one found."""

    name: str
    error: float | None


@functools.lru_cache(maxsize=1)
def route() -> Route:
    """ "oneDNN" where its products pass the error probe, else "default"; measured once a process, on float32 and the CPU.

    torch hands float32 products to oneDNN only when "bf16" is allowed for them. Processors without matrix units then still compute in
    float32, and those on which the default library takes its slow path do so at about twice the speed; processors with matrix units
    really round to bfloat16, with errors of 2e-3. The outcome depends on the machine alone, never on a clock.
    """
    mkldnn: Any = torch.backends.mkldnn
    if not (mkldnn.is_available() and hasattr(mkldnn, "matmul")):
        return Route("default", None)
    error = probe_error()
    return Route("oneDNN" if error <= BOUND else "default", error)


def probe_error() -> float:
    """Largest error of oneDNN's products of the shapes a layer needs, forward and backward, against float64."""
    generator = torch.Generator().manual_seed(0)
    x, w, g = (torch.randn(shape, generator=generator) for shape in ((64, WIDE), (128, WIDE), (64, 128)))
    worst = 0.0
    for a, b in ((x, w.t()), (g, w), (g.t(), x)):
        exact = a.double() @ b.double()
        with onednn():
            worst = max(worst, ((a @ b - exact).abs().max() / exact.abs().max()).item())
    return worst


@contextmanager
def onednn() -> Iterator[None]:
    """Float32 matrix products go to oneDNN inside."""
    mkldnn: Any = torch.backends.mkldnn
    backend = mkldnn.matmul
    before = backend.fp32_precision
    backend.fp32_precision = "bf16"
    try:
        yield
    finally:
        backend.fp32_precision = before


class WideLinear(nn.Linear):
    """``x W^T + b`` over :data:`WIDE` inputs or more, by the :func:`route` of the machine.

    Not for: fewer inputs, where torch's own layer is as quick or quicker.

    Shapes: (B, in_features) -> (B, out_features).

    Example:
        >>> import torch
        >>> WideLinear(5000, 3)(torch.zeros(2, 5000)).shape
        torch.Size([2, 3])
    """

    def forward(self, values: Tensor) -> Tensor:
        plain = values.dtype == self.weight.dtype == torch.float32 and values.device.type == "cpu" and values.dim() == 2
        if plain and self.bias is not None and not torch.is_autocast_enabled("cpu") and route().name == "oneDNN":
            out: Tensor = Routed.apply(values, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return out
        return super().forward(values)


class Routed(torch.autograd.Function):
    """A linear layer whose three products, one forward and two backward, go to oneDNN."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(values, weight)
        with onednn():
            return torch.addmm(bias, values, weight.t())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor]:
        values, weight = ctx.saved_tensors
        with onednn():
            to_values = grad @ weight if ctx.needs_input_grad[0] else None
            to_weight = grad.t() @ values if ctx.needs_input_grad[1] else None
        return to_values, to_weight, grad.sum(dim=0)
