"""The planted lag at a tenth of its size, and the timed block against the published one."""

from __future__ import annotations

import torch
from benchmarks import mult_block, mult_lag


def test_the_lag_is_found():
    (figures,) = mult_lag.run(None, full=False)["runs"]
    assert figures["accuracy"]["mult"] > 0.9 > 0.68 > figures["accuracy"]["concatenation"]
    assert figures["mult minus concatenation"]["low"] > 0 and figures["mult minus late"]["low"] > 0
    for reading in ("attention", "relevance"):
        assert figures[reading]["lag"] == mult_lag.LAG and figures[reading]["share_of_other_rows"] > 0.5, figures[reading]


def test_the_block_equals_the_published_one():
    torch.manual_seed(0)
    figures = mult_block.measured(2, 5, 7, 8, 2, 1)
    assert figures["largest_difference"] < 1e-5 and figures["times_quicker"] > 0
