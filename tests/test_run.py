"""A run's circumstances: seeds, threads, progress, what it records."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

import mcgurk
from mcgurk import run as module
from mcgurk.run import Run, versions


def test_named_streams_repeat_and_differ():
    run = Run(3)
    assert run.rng("order", 1).random() == Run(3).rng("order", 1).random() != run.rng("order", 2).random()
    assert run.derive("init") == Run(3).derive("init") != Run(4).derive("init")


def test_a_run_under_the_machines_settings(tmp_path):
    with mcgurk.config.set(threads=1, device="cpu", progress=True):
        run = Run.of(np.random.RandomState(0), tmp_path, "float64")
    assert run.threads == 1 and run.device == "cpu" and run.progress and run.checkpoint == Path(tmp_path) and run.dtype == "float64"
    assert run.seed == Run.of(np.random.RandomState(0)).seed and Run.of(None).checkpoint is None


def test_the_device_is_found_out():
    with mcgurk.config.set(device="auto"):
        assert Run.of().device == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_part_has_a_seed_of_its_own_and_nothing_to_show():
    run = Run(1, progress=True, checkpoint=Path("x"), threads=1)
    inner = run.inner("fold", 2)
    assert inner.seed == run.derive("fold", 2) != run.seed
    assert (inner.threads, inner.progress, inner.checkpoint) == (1, False, None)


def test_global_random_state_is_guarded():
    def draws():
        return random.random(), np.random.rand(), torch.rand(1).item()

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = draws()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with Run(7).guard():
        first = draws()
    with pytest.raises(ValueError), Run(7).guard():
        assert draws() == first
        raise ValueError
    assert draws() == expected


def test_threads_follow_the_work(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 2)
    before = torch.get_num_threads()
    run = Run()
    with run.threaded(1e6) as threads:
        assert threads == torch.get_num_threads() == run.facts["threads"] == 1
        assert all(pool["num_threads"] == 1 for pool in threadpool_info())
    with run.threaded(1e10) as threads:
        assert threads == torch.get_num_threads() == 2
    with Run(threads=1).threaded(1e10) as threads:
        assert threads == 1
    assert torch.get_num_threads() == before and module.cores() >= 1


def test_threads_come_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ValueError), Run(threads=1).threaded(0):
        raise ValueError
    assert torch.get_num_threads() == before


def test_progress_only_where_it_is_wanted(capsys):
    items = [1, 2, 3]
    assert Run().track(items, 3, "work") is items
    assert list(Run(progress=True).track(items, 3, "work")) == items
    assert capsys.readouterr().out == ""  # a bar goes to standard error


def test_versions_name_what_a_result_depends_on():
    found = versions()
    assert {"python", "numpy", "scipy", "scikit-learn", "torch"} <= set(found) and found["numpy"] == np.__version__
