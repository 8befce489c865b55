"""Batches of several tasks: whose rows, in which turn, and that nothing but seed and epoch decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk.data import Dense
from mcgurk.data.tasks import encode_targets
from mcgurk.errors import DataError
from mcgurk.train.tasks import TaskLoader

N = 40
ROWS = np.arange(N)


def loader(sampling="round_robin", size=8, seed=0):
    y = {
        "large": np.where(ROWS % 2 == 0, "x", "y"),
        "small": np.where(ROWS < 6, (ROWS % 3).astype(object), None),
        "number": np.where(ROWS >= 24, ROWS / 7, np.nan),
    }
    targets = encode_targets(y).with_statistics()
    weight = np.linspace(0.5, 1.5, N)
    return TaskLoader({"x": Dense(ROWS[:, None] * 1.0)}, targets, weight, sampling=sampling, batch_size=size, seed=seed)


def test_round_robin_gives_every_task_one_batch_a_round():
    given = loader()
    batches = list(given.epoch(0))
    # 5 + 1 + 2 batches make one pass over every task's rows; three tasks then have three rounds of one batch each
    assert given.turns() == {"large": 3, "number": 3, "small": 3} and len(batches) == given.steps == 9
    assert [batch.task for batch in batches] == ["large", "number", "small"] * 3
    assert [batch.turn for batch in batches] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [batch.turn for batch in given.epoch(2)][:3] == [6, 6, 6]


def test_proportional_passes_once_over_every_task_in_random_order():
    given = loader("proportional")
    batches = list(given.epoch(1))
    assert {task: [b.task for b in batches].count(task) for task in given.rows} == {"large": 5, "small": 1, "number": 2}
    assert [b.task for b in batches] != [b.task for b in given.epoch(2)]
    for task, rows in given.rows.items():
        assert sorted(torch.cat([b.rows for b in batches if b.task == task]).tolist()) == rows.tolist()


@pytest.mark.parametrize("sampling", ["round_robin", "proportional"])
def test_a_batch_holds_labelled_rows_of_its_task_and_their_own_labels(sampling):
    given = loader(sampling)
    for batch in given.epoch(0):
        rows = batch.rows.numpy()
        assert set(rows) <= set(given.rows[batch.task]) and batch.slots["x"].values[:, 0].tolist() == rows.tolist()
        if batch.task == "number":
            assert np.allclose(batch.y[:, 0].numpy(), rows / 7)
        else:
            assert batch.y.tolist() == ((rows % 2) if batch.task == "large" else rows % 3).tolist()
        assert torch.allclose(batch.weight, torch.tensor(np.linspace(0.5, 1.5, N)[rows], dtype=torch.float32))


def test_small_tasks_are_gone_through_again_and_large_ones_go_on():
    """Over epochs every row of a task is seen as often as any other, give or take one pass."""
    given = loader()
    seen = {task: np.zeros(N, dtype=int) for task in given.rows}
    for epoch in range(5):
        for batch in given.epoch(epoch):
            seen[batch.task][batch.rows.numpy()] += 1
    assert seen["large"].min() == seen["large"].max() == 3  # 15 batches of 8 are three passes over 40 rows
    assert set(seen["small"][:6]) == {15}


def test_order_is_a_function_of_seed_and_epoch_and_an_epoch_can_start_in_the_middle():
    def told(given, epoch, start=0):
        return [(b.task, b.turn, b.rows.tolist()) for b in given.epoch(epoch, start)]

    for sampling in ("round_robin", "proportional"):
        first, second = loader(sampling), loader(sampling)
        second.epoch(7)
        list(second.epoch(3))
        assert told(first, 2) == told(second, 2) and told(first, 2, 4) == told(second, 2)[4:]
        assert told(first, 2) != told(loader(sampling, seed=1), 2)


def test_rows_in_their_own_order_one_task_after_another():
    given = loader()
    batches = list(given.epoch(None))
    assert [b.task for b in batches] == ["large"] * 5 + ["number"] * 2 + ["small"]
    assert torch.cat([b.rows for b in batches if b.task == "number"]).tolist() == list(range(24, 40))


def test_a_task_without_rows_has_no_turn():
    y = {"a": np.array([0, 1] * 4), "b": np.array([None] * 6 + [0, 1], dtype=object)}
    part = encode_targets(y).take(np.arange(4))
    given = TaskLoader({"x": Dense(np.ones((4, 1)))}, part, batch_size=2)
    assert [b.task for b in given.epoch(0)] == ["a", "a"]


def test_another_sampling_is_refused():
    with pytest.raises(DataError, match="sampling='uniform' is not known"):
        loader("uniform")
