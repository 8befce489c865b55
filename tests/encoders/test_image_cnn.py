"""The small convolutional network: absent rows, rows alone, sequences, learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk.data import ColumnSpec, Dense, Lazy
from mcgurk.encoders import ImageCNN
from mcgurk.errors import DataError
from mcgurk.nn import Slot


def built(spec: ColumnSpec, **params) -> ImageCNN:
    torch.manual_seed(0)
    encoder = ImageCNN(**{"size": 16, "channels": (8, 16), "width": 5, **params})
    encoder.build(spec)
    return encoder


def pixels(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (n, 16, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


SPEC = ColumnSpec("dense", "image", (16, 16, 3))


def test_bytes_are_cached_not_floats():
    column = ImageCNN(size=16).prepare(Dense(np.zeros((2, 40, 30), np.uint8), np.array([True, False]), "image"))
    assert column.values.dtype == np.uint8 and column.item == (16, 16, 3) and column.kind == "image"


def test_absent_rows_are_invisible_and_rows_independent():
    encoder, x = built(SPEC), pixels(3)
    present = torch.tensor([True, True, False])
    out = encoder(Slot(x, present)).values
    changed = x.clone()
    changed[2] = 255
    assert torch.equal(encoder(Slot(changed, present)).values, out) and not out[2].any()
    torch.testing.assert_close(encoder(Slot(x[1:2], present[1:2])).values[0], out[1])
    assert encoder.out.item == (5,) and not encoder.out.sequence


def test_sequences_of_pictures():
    column = ImageCNN(size=16).prepare(Lazy([None], kind="image"))
    assert column.item == (16, 16, 3)
    encoder = built(ColumnSpec("ragged", "image", (16, 16, 3), True))
    x = torch.stack([pixels(3), pixels(3, 1)])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    out = encoder(Slot(x, torch.tensor([True, True]), mask))
    assert out.values.shape == (2, 3, 5) and not out.values[0, 2].any() and encoder.out.sequence
    torch.testing.assert_close(out.values[1], built(SPEC)(Slot(x[1], torch.ones(3, dtype=torch.bool))).values)


def test_it_learns_where_the_light_is():
    torch.manual_seed(0)
    y = torch.arange(64) % 2
    x = torch.randint(0, 100, (64, 16, 16, 3), dtype=torch.uint8)
    x[y == 1, 4:12, 4:12] += 120
    encoder, head = built(SPEC), torch.nn.Linear(5, 1)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.01)
    slot = Slot(x, torch.ones(64, dtype=torch.bool), full=True)
    for _ in range(30):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(head(encoder(slot).values)[:, 0], y.float()).backward()
        optimiser.step()
    assert ((head(encoder(slot).values)[:, 0] > 0) == (y == 1)).all()
    assert all(p.grad is not None for p in encoder.parameters())


def test_too_many_stages_are_refused():
    with pytest.raises(DataError, match="stages"):
        built(SPEC, channels=(4,) * 5)
    with pytest.raises(DataError, match="stages"):
        built(SPEC, channels=())
