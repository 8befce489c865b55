"""Edges: windows within and across modalities by rank, relative position and time; nearest features; numbers of nodes."""

from __future__ import annotations

import torch

from mcgurk.fusion._edges import across, edges_of, nearest, numbered, temporal
from mcgurk.nn import Slot


def slot(mask, values=None, times=None):
    mask = torch.tensor(mask, dtype=torch.bool)
    values = torch.zeros(*mask.shape, 1) if values is None else torch.tensor(values)[..., None]
    return Slot(values, mask.any(dim=1), mask, None if times is None else torch.tensor(times))


def test_a_window_counts_valid_steps():
    before, after = temporal(slot([[1, 1, 0, 1, 0]]), 1)
    assert before[0].nonzero().tolist() == [[1, 0], [3, 1]] and after[0].nonzero().tolist() == [[0, 1], [1, 3]]
    assert temporal(slot([[1, 1, 0, 1, 0]]), 2)[0][0].nonzero().tolist() == [[1, 0], [3, 0], [3, 1]]


def test_relative_windows_reach_somebody_and_ignore_padding():
    a, b = slot([[1] * 6]), slot([[1] * 3])
    reached = across(a, b, 1)[0]
    assert reached[:2].tolist() == [[True, False, False], [True, True, False]] and reached.any(dim=0).all() and reached.any(dim=1).all()
    assert torch.equal(across(b, a, 1)[0], reached.T)
    padded = across(slot([[1] * 6 + [0] * 3]), slot([[1, 0, 1, 1]]), 1)[0]
    assert torch.equal(padded[:6, [0, 2, 3]], reached) and padded.sum() == reached.sum()


def test_windows_in_seconds():
    a, b = slot([[1, 1, 1]], times=[[0.0, 0.4, 0.8]]), slot([[1, 1]], times=[[0.35, 9.0]])
    assert across(a, b, 1, clock=0.1)[0].nonzero().tolist() == [[1, 0]]
    assert across(a, b, 4, clock=0.1)[0].nonzero().tolist() == [[0, 0], [1, 0]]


def test_nearest_features():
    found = nearest(slot([[1, 1, 1, 0, 1]], [[0.0, 1.0, 5.0, 5.0, 9.5]]), 1)[0]
    assert found.nonzero().tolist() == [[0, 1], [1, 0], [2, 1], [4, 2]]
    assert nearest(slot([[1, 1, 0]]), 5)[0].nonzero().tolist() == [[0, 1], [1, 0]]


def test_only_valid_steps_are_nodes():
    parts = {"a": slot([[1, 0], [1, 1]]), "b": slot([[0, 1], [0, 0]])}
    number, nodes = numbered(parts)
    assert nodes == 4 and number["a"][parts["a"].mask].tolist() == [0, 1, 2] and number["b"][parts["b"].mask].tolist() == [3]
    pairs = parts["a"].mask[:, :, None] & parts["b"].mask[:, None, :]
    assert edges_of(pairs, number["a"], number["b"]).tolist() == [[3], [0]]
