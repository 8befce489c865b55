"""Sequence encoders: what stands in padding, gaps and absent rows is invisible; clocks are read where they are promised."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk.data import ColumnSpec, Dense, Lazy, Ragged
from mcgurk.encoders import Conv1dEncoder, GRUEncoder, TransformerEncoder
from mcgurk.encoders.sequences import SequenceEncoder, _step, waves
from mcgurk.errors import DataError
from mcgurk.nn import Slot

SPEC = ColumnSpec("ragged", "series", (3,), True)
MAKERS = [GRUEncoder, Conv1dEncoder, TransformerEncoder]
every = pytest.mark.parametrize("maker", MAKERS)


def built(maker: type[SequenceEncoder], **params) -> SequenceEncoder:
    torch.manual_seed(0)
    encoder = maker(width=4, **({"heads": 2} if maker is TransformerEncoder else {}), **params)
    encoder.build(SPEC)
    return encoder.double().eval()


def slot(lengths=(5, 3, 0, 4), absent=(3,), total=6) -> Slot:
    values = torch.randn(len(lengths), total, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(total) < torch.tensor(lengths)[:, None]
    present = torch.tensor([i not in absent for i in range(len(lengths))])
    return Slot(values, present, mask & present[:, None], torch.arange(total, dtype=torch.float64).repeat(len(lengths), 1))


@every
@pytest.mark.parametrize("pool", [None, "mean", "max", "last", "attention"])
def test_padding_and_absent_rows_are_invisible(maker, pool):
    encoder, given = built(maker, pool=pool), slot()
    hidden = ~given.mask
    outs, grads = [], []
    for poison in (0.0, float("nan"), 1e30):
        values = given.values.clone()
        values[hidden] = poison
        times = torch.where(given.mask, given.times, torch.full_like(given.times, poison))
        encoder.zero_grad()
        out = encoder(Slot(values, given.present, given.mask, times))
        out.values.pow(2).sum().backward()
        outs.append(out.values.detach())
        grads.append(torch.cat([p.grad.flatten() for p in encoder.parameters() if p.grad is not None]))
    assert all(torch.equal(outs[0], o) for o in outs) and all(torch.equal(grads[0], g) for g in grads)
    assert torch.isfinite(outs[0]).all() and not outs[0][2:].any(), "empty and absent rows are zero"
    assert encoder.out.sequence == (pool is None) and outs[0].shape == ((4, 6, 4) if pool is None else (4, 4))


@every
def test_rows_do_not_depend_on_their_company_or_on_the_padding(maker):
    encoder, given = built(maker), slot()
    together = encoder(given).values
    for row, length in ((0, 5), (1, 3)):
        alone = encoder(
            Slot(given.values[row : row + 1, :length], torch.tensor([True]), torch.ones(1, length, dtype=torch.bool), None, True)
        )
        torch.testing.assert_close(alone.values[0], together[row])


@every
def test_a_hole_is_masked_like_padding(maker):
    encoder = built(maker)
    given = slot(lengths=(6,), absent=())
    mask = given.mask.clone()
    mask[0, 2] = False
    outs = []
    for poison in (0.0, float("nan")):
        values = given.values.clone()
        values[0, 2] = poison
        outs.append(encoder(Slot(values, given.present, mask, given.times)).values)
    assert torch.equal(*outs)


@every
def test_every_parameter_trains(maker):
    encoder = built(maker, pool="attention").train()
    encoder(slot()).values.pow(2).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())
    assert sum(p.grad.abs().sum() > 0 for p in encoder.parameters()) >= 0.9 * len(list(encoder.parameters()))


def test_typical_step_ignores_the_borders_between_rows():
    assert _step(np.array([0, 3, 3, 5]), np.array([0.0, 1.0, 2.0, 900.0, 901.0])) == 1.0
    assert _step(np.array([0, 1]), np.array([3.0])) == 1.0


def test_waves_are_one_per_pair_and_start_at_zero_and_one():
    out = waves(torch.zeros(1, 1), 5, torch.float64)
    assert out.tolist() == [[[0.0, 1.0, 0.0, 1.0, 0.0]]]


@every
def test_series_are_taken_as_they_are_and_integers_become_floats(maker):
    encoder = maker(width=4)
    column = Ragged.of([np.arange(6).reshape(3, 2), None], times=[np.arange(3.0), None])
    encoder.prepare_fit(column)
    made = encoder.prepare(column)
    assert made.values.dtype == np.float32 and made.present.tolist() == [True, False] and made.times is not None
    assert not encoder.cached and encoder.assets == () and encoder.weights_hash() == ""
    with pytest.raises(DataError, match="reads sequences"):
        encoder.prepare(Dense(np.zeros((2, 3))))


def test_another_encoder_may_make_the_steps():
    column = Lazy([("red dress", "blue dress"), ("blue jeans",), None])
    encoder = GRUEncoder(width=4, base=("tfidf", {"components": None, "words": (1, 1)}))
    encoder.prepare_fit(column)
    made = encoder.prepare(column)
    assert made.lengths.tolist() == [2, 1, 0] and made.item == (4,) and encoder.cached
    other = GRUEncoder(width=8, base=encoder.base)
    for name, value in encoder.learned().items():
        setattr(other, name, value)
    np.testing.assert_array_equal(other.prepare(column).values, made.values)
    assert other.fingerprint() == encoder.fingerprint() != GRUEncoder(width=4, base=("tfidf", {"components": 2})).fingerprint()
    with pytest.raises(DataError, match="reads sequences"):
        encoder.prepare(Lazy(["one text", "a row"]))
    with pytest.raises(DataError, match="trains itself"):
        GRUEncoder(base=Conv1dEncoder()).prepare(column)


def test_an_unknown_pooling_is_refused():
    with pytest.raises(DataError, match="pool='median'"):
        GRUEncoder(pool="median").build(SPEC)


@every
def test_order_can_be_learned(maker):
    """Which of two steps came first: chance for anything that pools before it looks."""
    torch.manual_seed(0)
    x = torch.randn(256, 2, 3, generator=torch.Generator().manual_seed(2))
    y = (x[:, 0, 0] > x[:, 1, 0]).float()
    encoder = maker(width=16, **({"dropout": 0.0} if maker is TransformerEncoder else {}))
    encoder.build(SPEC)
    head = torch.nn.Linear(16, 1)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.01)
    full = Slot(x, torch.ones(256, dtype=torch.bool), torch.ones(256, 2, dtype=torch.bool), None, True)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(head(encoder(full).values)[:, 0], y).backward()
        optimiser.step()
    assert ((head(encoder(full).values)[:, 0] > 0) == (y > 0.5)).float().mean() > 0.9
