"""A training run that is killed goes on to the same bits (all fifteen kills: ``python -m benchmarks kill_training``)."""

from __future__ import annotations

import pytest
from benchmarks.kill_training import kills


@pytest.mark.slow
def test_killed_runs_end_in_the_bits_of_the_undisturbed_one(tmp_path):
    figures = kills(tmp_path, 2, seed=1)
    assert figures["ended in the bits of the undisturbed run"] == figures["runs"] == 2
    assert figures["killed before their end"] >= 1
    assert figures["temporary files after the next start"] == 0
