"""The timed fusion layers compute what their references compute; ratios are for quiet machines, equality is for all."""

from __future__ import annotations

import torch
from benchmarks import fusion_blocks


def test_ours_equal_the_references():
    torch.manual_seed(0)
    for figures in (fusion_blocks.bilinear(8, 4, 5, 1), fusion_blocks.low_rank(8, 4, 5, 2, 1), fusion_blocks.tensor(8, 4, 5, 1)):
        assert figures["largest_difference"] < 1e-5 and figures["times_quicker"] > 0
