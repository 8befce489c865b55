"""The planted tasks at a small part of their size."""

from __future__ import annotations

import numpy as np
from benchmarks import multitask


def test_one_trunk_against_a_network_for_each():
    figures = multitask.planted(2, shared=True, rows={"tone": 120, "size": 120, "goal": 30}, epochs=4)
    parts = figures["parameters"]
    # concatenation of 2 x 12 numbers and a presence flag each, a layer of 64, heads of 2, 1 and 2 numbers
    hidden = (2 * multitask.WIDTH + 2) * 64 + 64
    assert parts["a network for each"] - parts["round robin"] >= 1.9 * hidden
    assert parts["round robin"] == parts["proportional"] < parts["round robin, task token"]
    assert set(figures["added by one trunk"]) == set(multitask.VARIANTS)
    for by in figures["added by one trunk"].values():
        assert all(np.isfinite(list(interval.values())).all() for interval in by.values())


def test_tasks_of_the_control_share_nothing_but_their_columns():
    X, y, held, truth = multitask.tasks(0, False, {"tone": 30, "size": 20, "goal": 10})
    labelled = {task: np.array([v is not None and v == v for v in labels]) for task, labels in y.items()}
    assert [int(known.sum()) for known in labelled.values()] == [30, 20, 10] and np.sum(list(labelled.values()), axis=0).tolist() == [
        1
    ] * 60
    assert len(X["a"]) == 60 and all(len(truth[task]) == len(held[task]["b"]) == multitask.TEST for task in y)
