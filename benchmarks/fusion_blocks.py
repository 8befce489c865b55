"""Fusion layers, forward and backward, against torch's bilinear layer and the published formulations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks._rounds import cpu_rounds, quicker
from mcgurk.fusion import BilinearFusion, LowRankFusion, TensorFusion
from mcgurk.nn import Fusion, Slot, SlotSpec
from mcgurk.nn.wide import BOUND, WideLinear, route

SEED = 0


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """CPU milliseconds of a forward and backward pass, one thread, and how many times quicker ours is."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rounds = 31 if full else 5
    try:
        return {
            "protocol": "forward and backward with gradients of inputs and parameters, float32, one thread, CPU time in "
            f"{rounds} round-robin rounds: medians, and quartiles of the ratios within a round; ours takes and gives Slots, the reference "
            f"plain tensors; tensor: each before a linear layer, whose products go to oneDNN where its error is at most {BOUND:g}",
            "seed": SEED,
            "route of wide products": route().name,
            "error of oneDNN's": route().error,
            "bilinear": [bilinear(*sizes, rounds) for sizes in ((32, 16, 64), (128, 32, 128), (32, 64, 64))],
            "low_rank": [low_rank(*sizes, rounds) for sizes in ((32, 16, 64, 4), (128, 32, 128, 8), (32, 64, 64, 16))],
            "tensor": [tensor(*sizes, rounds) for sizes in (((128, 32, 128), (32, 64, 64)) if full else ((128, 32, 128),))],
        }
    finally:
        torch.set_num_threads(before)


def bilinear(rows: int, d: int, width: int, rounds: int) -> dict[str, Any]:
    """nn.Bilinear against an outer product and one linear layer."""
    reference = nn.Bilinear(d, d, width)
    ours = built(BilinearFusion(width=width, affine=False), 2, d)
    ours.weights[0].data = reference.weight.data.flatten(1)
    ours.offset.data = reference.bias.data.clone()
    return measured(f"B={rows} d={d} o={width}", reference, ours, list(reference.parameters()), rows, d, 2, rounds)


def low_rank(rows: int, d: int, width: int, rank: int, rounds: int) -> dict[str, Any]:
    """The published code's batched products, one for each rank and modality, against one matrix product a modality."""
    ours = built(LowRankFusion(width=width, rank=rank), 3, d)
    factors = [nn.Parameter(ours.factor(name).detach().clone()) for name in ours.built]
    weight, bias = nn.Parameter(ours.weight.detach()[None].clone()), nn.Parameter(torch.zeros(1, width))

    def reference(*inputs: Tensor) -> Tensor:
        terms = [torch.matmul(one(x), f) for x, f in zip(inputs, factors, strict=True)]
        return torch.matmul(weight, (terms[0] * terms[1] * terms[2]).permute(1, 0, 2)).squeeze(1) + bias

    return measured(f"B={rows} d={d} o={width} r={rank}", reference, ours, [*factors, weight, bias], rows, d, 3, rounds)


def tensor(rows: int, d: int, width: int, rounds: int) -> dict[str, Any]:
    """The published code's batched outer products against broadcasting, both before the same linear layer."""
    layer = TensorFusion(width=d, norm=None)
    layer._check = lambda *sizes: None  # type: ignore[method-assign]  # 65^3 is beyond what 256 rows may take; here are 32
    layer = built(layer, 3, d)
    head = WideLinear(layer.out.width, width)

    class WithHead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = head  # registered, so that its gradient is cleared before a step, as the reference's is
            self.layer = layer

        def forward(self, slots: dict[str, Slot]) -> Slot:
            fused = self.layer(slots)
            return fused.with_values(self.head(fused.values))

    def reference(*inputs: Tensor) -> Tensor:
        a, b, c = (one(x) for x in inputs)
        both = torch.bmm(a.unsqueeze(2), b.unsqueeze(1)).view(rows, -1, 1)
        return F.linear(torch.bmm(both, c.unsqueeze(1)).view(rows, -1), head.weight, head.bias)

    return measured(f"B={rows} d={d} o={width}", reference, WithHead(), list(head.parameters()), rows, d, 3, rounds)


def one(x: Tensor) -> Tensor:
    """[x; 1]."""
    return torch.cat([x, torch.ones(len(x), 1)], dim=1)


def built(layer: Fusion, modalities: int, d: int) -> Any:
    """The layer, built for ``modalities`` vectors of width d."""
    layer.build({f"m{i}": SlotSpec((d,)) for i in range(modalities)})
    return layer


def measured(
    sizes: str, reference: Callable[..., Tensor], ours: Any, parameters: list[nn.Parameter], rows: int, d: int, modalities: int, rounds: int
) -> dict[str, Any]:
    """Both outputs compared, then both timed."""
    inputs = [torch.randn(rows, d, requires_grad=True) for _ in range(modalities)]
    here = torch.ones(rows, dtype=torch.bool)
    slots = {f"m{i}": Slot(x, here, None, None, True) for i, x in enumerate(inputs)}
    apart = (reference(*inputs) - ours(slots).values).abs().max().item()

    def step(forward: Callable[[], Tensor], variables: list[Tensor]) -> None:
        for p in variables:
            p.grad = None
        forward().square().mean().backward()

    taken = cpu_rounds(
        {
            "reference": lambda: step(lambda: reference(*inputs), [*parameters, *inputs]),
            "ours": lambda: step(lambda: ours(slots).values, [*ours.parameters(), *inputs]),
        },
        rounds,
        0.01,
    )
    return {
        "sizes": sizes,
        "reference_ms": taken["reference"].median,
        "ours_ms": taken["ours"].median,
        **quicker("times_quicker", taken["reference"], taken["ours"]),
        "largest_difference": apart,
    }
