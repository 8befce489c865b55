"""One cross-modal block of the multimodal transformer, forward and backward, against the published formulation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks._rounds import cpu_rounds, quicker
from mcgurk.nn import CrossBlock, Slot

SEED = 0
SIZES = ((32, 50, 50, 40, 5), (16, 50, 375, 40, 8), (32, 50, 500, 30, 5))


class Published(nn.Module):
    """The block as released: steps first, keys and values normalised and projected apart, explicit softmax, weights averaged over heads."""

    def __init__(self, ours: CrossBlock) -> None:
        super().__init__()
        self.ours = ours

    def forward(self, x: Tensor, k: Tensor, v: Tensor) -> Tensor:
        ours, attend = self.ours, self.ours.attend
        steps, rows, width = x.shape
        heads = attend.heads
        weights = [attend.query.weight, *attend.key_value.weight.chunk(2)]
        biases = [attend.query.bias, *attend.key_value.bias.chunk(2)]
        q, k, v = (F.linear(ours.norm(part), w, b) for part, w, b in zip((x, k, v), weights, biases, strict=True))
        q = q * (width // heads) ** -0.5
        q, k, v = (part.contiguous().view(-1, rows * heads, width // heads).transpose(0, 1) for part in (q, k, v))
        seen = F.softmax(torch.bmm(q, k.transpose(1, 2)).float(), dim=-1).type_as(q)
        mixed = torch.bmm(seen, v).transpose(0, 1).contiguous().view(steps, rows, width)
        seen.view(rows, heads, steps, -1).sum(dim=1).div(heads)
        x = x + attend.leave(mixed)
        return x + ours.narrow(F.relu(ours.widen(ours.inner_norm(x))))


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """CPU milliseconds a pass, one thread, and how many times quicker ours is."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rounds = 41 if full else 7
    try:
        return {
            "protocol": "forward and backward with gradients of inputs and parameters, float32, one thread, CPU time in "
            f"{rounds} round-robin rounds: medians, and quartiles of the ratios within a round; padded: a tenth of the source's steps; "
            "ours takes and gives Slots, the reference plain tensors",
            "seed": SEED,
            "blocks": [measured(*size, rounds) for size in SIZES],
        }
    finally:
        torch.set_num_threads(before)


def measured(rows: int, steps: int, keys: int, width: int, heads: int, rounds: int) -> dict[str, Any]:
    """Both outputs compared, then the published block, ours, and ours with padding, timed."""
    block = CrossBlock(width, heads)
    published = Published(block)
    a, b = torch.randn(rows, steps, width, requires_grad=True), torch.randn(rows, keys, width, requires_grad=True)
    here = torch.ones(rows, dtype=torch.bool)
    target = Slot(a, here, torch.ones(rows, steps, dtype=torch.bool), None, True)
    source = Slot(b, here, torch.ones(rows, keys, dtype=torch.bool), None, True)
    padded = Slot(b, here, (torch.arange(keys) < keys - keys // 10).repeat(rows, 1))
    x, y = (part.detach().transpose(0, 1).contiguous().requires_grad_() for part in (a, b))
    apart = (published(x, y, y).transpose(0, 1) - block(target, source).values).abs().max().item()

    def step(forward: Callable[[], Tensor], *inputs: Tensor) -> None:
        for variable in (*block.parameters(), *inputs):
            variable.grad = None
        forward().square().mean().backward()

    def looked() -> None:
        with torch.inference_mode():
            block(target, source)

    taken = cpu_rounds(
        {
            "published": lambda: step(lambda: published(x, y, y), x, y),
            "ours": lambda: step(lambda: block(target, source).values, a, b),
            "padded": lambda: step(lambda: block(target, padded).values, a, b),
            "published_forward": lambda: published(x, y, y),
            "ours_forward": looked,
        },
        rounds,
        0.01,
    )
    return {
        "sizes": f"B={rows} steps={steps} keys={keys} d={width} heads={heads}",
        "published_ms": taken["published"].median,
        "ours_ms": taken["ours"].median,
        **quicker("times_quicker", taken["published"], taken["ours"]),
        **quicker("times_quicker_padded", taken["published"], taken["padded"]),
        **quicker("times_quicker_forward_only", taken["published_forward"], taken["ours_forward"]),
        "largest_difference": apart,
    }
