"""Windows around steps: which steps stand in them, what marks a place, and that nothing beyond them is seen."""

from __future__ import annotations

import math

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.nn import Slot, SlotSpec
from mcgurk.nn.batch import flatten_steps
from mcgurk.nn.context import Context

YES, NO = True, False


def sequences(seed: int = 0) -> tuple[dict[str, Slot], torch.Tensor]:
    """Two rows of 4 and 2 steps; the second of the first row was not observed in "s"; "v" has no steps; "gone" lacks row 1."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.tensor([[YES, NO, YES, YES], [YES, YES, NO, NO]])
    here = torch.tensor([YES, YES])
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    times = torch.arange(4.0).repeat(2, 1)
    part = torch.tensor([YES, NO])
    slots = {
        "gone": Slot(draw(2, 4, 1), part, torch.tensor([[YES] * 4, [NO] * 4])),
        "s": Slot(draw(2, 4, 3), here, mask, times),
        "v": Slot(draw(2, 2), here, None, None, True),
    }
    return slots, torch.tensor([4, 2])


def test_a_window_holds_the_neighbours_in_order_and_ends_in_the_step():
    slot = Slot(torch.arange(1.0, 6).reshape(1, 5, 1), torch.tensor([YES]), torch.ones(1, 5, dtype=torch.bool))
    window = Context(2, 1).windows({"a": slot}, torch.tensor([5]))["a"]
    assert window.values[:, :, 0].tolist() == [
        [0, 0, 1, 2, 1],
        [0, 1, 2, 3, 2],
        [1, 2, 3, 4, 3],
        [2, 3, 4, 5, 4],
        [3, 4, 5, 0, 5],
    ]
    assert window.mask[0].tolist() == [NO, NO, YES, YES, YES] and window.mask[4].tolist() == [YES, YES, YES, NO, YES]
    back = Context(2, 0).windows({"a": slot}, torch.tensor([5]))["a"]
    assert back.values[:, :, 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]


def test_every_place_has_its_mark_as_long_as_a_standardised_step():
    slots, lengths = sequences()
    window = Context(1, 1).windows(slots, lengths)["s"]
    assert window.values.shape == (6, 4, 3 + 3) == (6, Context(1, 1).places, *Context(1, 1).spec(SlotSpec((3,), YES)).item)
    marks = window.values[2, :, 3:] / math.sqrt(3)  # step 2 of row 0: step 1 was not observed, step 3 was
    assert torch.allclose(marks, torch.tensor([[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]], dtype=torch.float64))
    assert window.times[2].tolist() == [0, 2, 3, 2]


def test_what_was_not_observed_is_masked_and_zero_and_takes_no_gradient():
    slots, lengths = sequences()
    slots["s"].values[0, 1] = math.nan
    slots["s"].values[1, 2:] = math.nan
    slots["s"].values.requires_grad_()
    out = Context(1, 1).windows(slots, lengths)
    assert torch.isfinite(out["s"].values).all() and not out["s"].values[~out["s"].mask].any()
    assert out["s"].present.all() and out["gone"].present.tolist() == [YES] * 4 + [NO] * 2
    assert not out["gone"].mask[4:].any()
    out["s"].values.sum().backward()
    assert not slots["s"].values.grad[0, 1].any() and not slots["s"].values.grad[1, 2:].any()


def test_a_modality_without_steps_is_repeated_and_the_step_itself_is_as_without_a_window():
    slots, lengths = sequences()
    around, alone = Context(2, 1).windows(slots, lengths), flatten_steps(slots, lengths)
    assert torch.equal(around["v"].values, alone["v"].values) and around["v"].mask is None
    for name, width in (("s", 3), ("gone", 1)):
        itself = Context(2, 1).itself(around[name], SlotSpec((width,)))
        assert itself.present.tolist() == alone[name].present.tolist() and itself.mask is None
        assert torch.equal(itself.values[itself.present], alone[name].values[alone[name].present])


def test_steps_of_pictures_are_laid_flat_and_told_back():
    slot = Slot(torch.randn(1, 3, 2, 2), torch.tensor([YES]), torch.ones(1, 3, dtype=torch.bool))
    context = Context.of(1)
    window = context.windows({"a": slot}, torch.tensor([3]))["a"]
    assert window.values.shape[2] == context.spec(SlotSpec((2, 2), YES)).width == 4 + 3
    assert torch.equal(context.itself(window, SlotSpec((2, 2), YES)).values, slot.values[0])


def test_a_row_without_steps_gives_none():
    slots, _ = sequences()
    assert len(Context(1, 1).windows({"s": slots["s"]}, torch.tensor([0, 0]))["s"].present) == 0


def test_numbers_and_pairs():
    assert Context.of(2) == Context(2, 2) and Context.of((3, 0)) == Context(3, 0) and Context.of([0, 1]) == Context(0, 1)
    assert not Context.of(0) and Context.of((0, 1)) and Context(3, 0).places == 4 and Context(1, 2).places == 5
    for wrong in (-1, (1, 2, 3), 1.5, "2", True, (1, -1)):
        with pytest.raises(DataError, match="context="):
            Context.of(wrong)
    with pytest.raises(DataError, match="context=0"):
        Context(1, 1).spec(SlotSpec((), YES, 30))
