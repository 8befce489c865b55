"""Where and how a computation runs."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from mcgurk import config
from mcgurk.run import Run, progress, versions


def test_named_streams_come_from_one_seed() -> None:
    run = Run(seed=3)
    assert run.rng("init").integers(1 << 40) == Run(seed=3).rng("init").integers(1 << 40) != run.rng("order").integers(1 << 40)
    assert run.derive("noise") != Run(seed=4).derive("noise")


def test_a_part_has_its_own_seed_and_neither_bar_nor_checkpoint(tmp_path) -> None:
    run = Run.of(3, tmp_path)
    inner = run.inner("fold", 1)
    assert run.checkpoint == tmp_path and inner.checkpoint is None and not inner.progress
    assert inner.seed != run.inner("fold", 2).seed and inner.device == run.device


def test_settings_of_the_machine_hold() -> None:
    with config.set(threads=1, device="cpu"):
        run = Run.of(np.random.RandomState(0), dtype="float64")
    assert (run.threads, run.device, run.dtype) == (1, "cpu", "float64") and run.seed == Run.of(np.random.RandomState(0)).seed
    with config.set(device="auto"):
        assert Run.of().device == ("cuda" if torch.cuda.is_available() else "cpu")


def test_global_random_state_is_left_as_it_was() -> None:
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    seen = []
    for _ in range(2):
        with Run(seed=1).guard():
            seen.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert seen[0] == seen[1]
    assert (
        random.getstate() == before[0] and (np.random.get_state()[1] == before[1]).all() and torch.equal(torch.get_rng_state(), before[2])
    )


def test_small_work_has_one_thread_and_what_was_set_comes_back() -> None:
    before = torch.get_num_threads()
    run = Run()
    with run.threaded(10) as threads:
        assert threads == torch.get_num_threads() == run.facts["threads"] == 1
    with pytest.raises(ValueError, match="inside"), Run(threads=2).threaded(10) as threads:
        assert threads == torch.get_num_threads() == 2
        raise ValueError("inside")
    assert torch.get_num_threads() == before


def test_items_pass_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Run(progress=False).track(range(3), 3, "work")) == [0, 1, 2]
    assert list(Run(progress=True).track(range(3), 3, "work")) == [0, 1, 2]
    assert list(progress(iter("ab"), 2, "work")) == ["a", "b"]
    assert capsys.readouterr().out == ""  # results go there, bars do not


def test_versions_that_a_result_depends_on() -> None:
    assert {"python", "mcgurk", "numpy", "scipy", "scikit-learn", "torch"} >= set(versions()) >= {"python", "numpy", "torch"}
