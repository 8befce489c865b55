"""Which steps belong together: nearest in time, else in relative position; everybody hears somebody; the cap."""

from __future__ import annotations

import torch

from mcgurk.fusion._shift import belonging, cap, grounded
from mcgurk.nn import Slot


def slot(mask, times=None):
    mask = torch.tensor(mask, dtype=torch.bool)
    return Slot(torch.zeros(*mask.shape, 1), mask.any(dim=1), mask, None if times is None else torch.tensor(times))


def test_relative_position():
    assert belonging(slot([[1, 1]]), slot([[1, 1, 1, 1]]))[0].tolist() == [[True, True, False, False], [False, False, True, True]]
    assert belonging(slot([[1, 1, 1, 1]]), slot([[1, 1]]))[0].nonzero().tolist() == [[0, 0], [1, 0], [2, 1], [3, 1]]
    gap = belonging(slot([[1, 0, 1, 0]]), slot([[1, 1, 0, 1, 1]]))[0]
    assert gap.nonzero().tolist() == [[0, 0], [0, 1], [2, 3], [2, 4]]


def test_time():
    words, frames = slot([[1, 1, 1]], [[0.0, 1.0, 5.0]]), slot([[1, 1, 1, 0]], [[0.1, 0.9, 1.2, float("nan")]])
    assert belonging(words, frames)[0].nonzero().tolist() == [[0, 0], [1, 1], [1, 2], [2, 2]]
    assert belonging(words, slot([[1, 1]]))[0].nonzero().tolist() == [[0, 0], [1, 0], [2, 1]]


def test_rows_without_the_main_modality():
    main, belongs, lone = grounded(slot([[1, 1], [0, 0], [0, 0]]), {"x": slot([[1, 1, 1], [1, 0, 1], [0, 0, 0]])})
    assert lone.tolist() == [False, True, True] and main.mask.tolist() == [[True, True], [True, False], [False, False]]
    assert belongs["x"][1].tolist() == [[True, False, True], [False, False, False]] and not belongs["x"][2].any()
    assert main.present.tolist() == [True, True, False]


def test_cap():
    z, h = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 20.0]])
    torch.testing.assert_close(cap(z, h, 1.0) * h, torch.tensor([[0.0, 5.0]]))
    assert cap(z, h, 10.0) == 1 and cap(torch.zeros(1, 2), h, 1.0) == 0 and cap(z, torch.zeros(1, 2), 1.0) == 1
