"""Reading maps: lags, peaks, entropy and shares of maps written by hand; pictures of them; erasure of known steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mcgurk.data import Ragged, TargetSpec
from mcgurk.errors import DataError
from mcgurk.nn import masked
from mcgurk.study.erasure import erased
from mcgurk.study.maps import Attention, Ends, Map
from mcgurk.train import Loader, Objective

NUMBER = TargetSpec("number", outputs=1, flat=True, center=(0.0,), scale=(1.0,))


def made(weights, *, row=0, kind="attention", target="a", source="b", joint=False, times=None, relevance=None, lead=0):
    """A map of one layer and head."""
    weights = np.asarray(weights, dtype=float)[None, None]
    ends = [Ends(np.maximum(np.arange(n) - lead, -1), None if times is None else times * np.arange(n)) for n in weights.shape[2:]]
    relevance = np.zeros_like(weights) if relevance is None else np.asarray(relevance, dtype=float)[None, None]
    return Map(row, "fusion", kind, target, source, joint, weights, relevance, *ends)


def found(*maps, words=None):
    n = 1 + max(m.row for m in maps)
    return Attention(np.arange(10, 10 + n), np.arange(n), np.array(["yes"] * n), np.full(n, 0.9), maps, words or {})


def test_a_lag_by_hand():
    ahead = np.eye(5, k=2)
    ahead[3:, 4] = 1
    line = found(made(ahead, times=0.5)).summary().iloc[0]
    assert line.peak == 1.0 and line.unit == "s" and line.entropy == 0 and np.isnan(line.share) and np.isnan(line.relevant)
    assert line.lag == pytest.approx((3 * 1.0 + 0.5 + 0.0) / 5)
    even = found(made(np.full((4, 3), 1 / 3), relevance=np.eye(4, 3, k=1))).summary().iloc[0]
    assert even.entropy == pytest.approx(1) and even.relevant == 1 and even.unit == "steps"


def test_what_stands_nowhere_has_no_lag():
    summary = np.full((3, 3), 1 / 3)
    line = found(made(summary, lead=1)).summary().iloc[0]
    assert line.lag == pytest.approx(0)  # of the two steps that stand somewhere
    frame = found(made(summary, lead=1)).to_frame()
    assert sorted(frame.step.unique()) == [-1, 0, 1]
    assert np.isnan(found(made([[1.0]])).summary().iloc[0].lag) and np.isnan(found(made([[0.2], [0.8]])).summary().iloc[0].lag)


def test_shares_of_a_joint_sum():
    left, right = made([[0.1, 0.2], [0.3, 0.0]], joint=True), made([[0.7], [0.7]], source="c", joint=True)
    summary = found(left, right).summary().set_index("source")
    assert summary.share.to_dict() == pytest.approx({"b": 0.3, "c": 0.7})


def test_words_and_numbers_in_the_frame():
    result = found(made(np.full((2, 3), 1 / 3)), words={"b": [["a", "good", "film"]]})
    frame = result.to_frame()
    assert frame.key_word.tolist() == ["a", "good", "film"] * 2 and set(frame.word) == {""}
    assert frame.id.tolist() == [10] * 6 and frame.prediction.tolist() == ["yes"] * 6 and frame.time.isna().all()
    assert '"maps"' in result.to_json()


def test_layers_and_heads_from_one_on():
    weights, ends = np.arange(12.0).reshape(2, 3, 1, 2), (Ends(np.arange(1)), Ends(np.arange(2)))
    both = Map(0, "fusion", "attention", "a", "b", False, weights, 0 * weights, *ends)
    assert both.mean().tolist() == [[5.0, 6.0]] and both.mean(2).tolist() == [[8.0, 9.0]] and both.mean(1, 3).tolist() == [[4.0, 5.0]]
    result = found(both, made([[1.0]], target="a", source="a"))
    assert len(result.having(2)) == 1 and len(result.having()) == 2
    with pytest.raises(DataError, match="heads 1 to 3"):
        result.summary(head=4)


def test_pictures():
    result = found(made(np.eye(3), times=0.5), made(np.eye(3), target="a", source="a"), words={"b": [["one", "two", "threescore"]]})
    axes = result.plot().axes
    assert axes[0].get_title() == "a looks at b" and [t.get_text() for t in axes[0].get_xticklabels()] == ["one", "two", "threescore"]
    assert axes[0].get_yticklabels()[1].get_text() == "0.5" and axes[1].get_title() == "a looks at a"
    gates = found(made([[0.25]], kind="gate", target="", joint=True), made([[0.75]], kind="gate", target="", joint=True, row=1))
    assert gates.plot().axes[0].patches[0].get_width() == pytest.approx(0.5)
    with pytest.raises(DataError, match="there are 1"):
        result.plot(3)


class Weighed(Objective):
    """The sum of the steps, each times its place squared."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def loss(self, batch, phase, step):
        return {}

    def outputs(self, batch):
        slot = masked.clean(batch.slots["s"])
        return (slot.values[:, :, 0] * torch.arange(slot.values.shape[1]) ** 2).sum(dim=1, keepdim=True)


def test_erasing_what_counts_shows_and_what_does_not_does_not():
    loader = Loader({"s": Ragged.of([np.ones((20, 1))] * 6, kind="series")})
    right = np.tile(np.eye(20)[[19, 18]].sum(axis=0) / 2, (3, 1))
    wrong = np.tile(np.eye(20)[[0, 1]].sum(axis=0) / 2, (3, 1))
    maps = [made(right, row=r, source="s", relevance=wrong) for r in range(6)]
    check = erased(Weighed(), loader, maps, NUMBER, draws=30, seed=0).iloc[0]
    assert check.attended == 19**2 + 18**2 and check.relevant == 1 and check.low > 0 > check.relevant_high and check.rows == 6
    assert check.random == pytest.approx(2 * np.mean(np.arange(20) ** 2), rel=0.2)
    grouped = erased(Weighed(), loader, maps, NUMBER, draws=30, seed=0, groups=np.array([0, 0, 0, 1, 1, 1])).iloc[0]
    assert grouped.difference == check.difference


def test_short_sequences_and_gates_are_left_out():
    loader = Loader({"s": Ragged.of([np.ones((4, 1))] * 3, kind="series")})
    maps = [made(np.full((1, 4), 0.25), row=r, source="s") for r in range(3)]
    assert erased(Weighed(), loader, maps, NUMBER, draws=2, seed=0).empty
    gates = [made([[1.0]], kind="gate", row=r, source="s") for r in range(3)]
    assert isinstance(erased(Weighed(), loader, gates, NUMBER, draws=2, seed=0), pd.DataFrame)
