"""What a layer looked at: weights with named ends, read off the forward pass that made the prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mcgurk.nn.batch import Slot

if TYPE_CHECKING:
    from mcgurk.nn.component import Fusion

KINDS = ("attention", "gate", "shift")


@dataclass(frozen=True, eq=False)
class Axis:
    """Where the steps of one side of a map stand.

    Args:
        mask: (B, T) bool, the valid ones.
        times: (B, T) seconds, or None.
        lead: how many steps at the front are the layer's own, such as a learned summary, and stand nowhere.
        latent: none of them stands anywhere.
    """

    mask: Tensor
    times: Tensor | None = None
    lead: int = 0
    latent: bool = False

    @classmethod
    def of(cls, slot: Slot) -> Axis:
        """The steps of a Slot; a vector is one step."""
        return cls(slot.present[:, None], None) if slot.mask is None else cls(slot.mask & slot.present[:, None], slot.times)


@dataclass(frozen=True, eq=False)
class Look:
    """One map: how much of ``source`` entered each step of ``target``.

    Kinds: "attention", weights that sum to 1 over the keys of a step; "gate", factors from 0 to 1, a head a unit; "shift", shares of
    length, the step's own included, that sum to 1. Padded and absent places of either side hold 0, and so does a step that found nothing.

    Args:
        kind: one of the above.
        target: the modality that looked, or "" for the row as a whole.
        source: the modality looked at.
        weights: (B, layers, heads, T_target, T_source).
        steps, keys: where the steps of target and source stand.
        joint: whether the sum runs over all maps of this target and kind that are joint, and not over this map alone.
    """

    kind: str
    target: str
    source: str
    weights: Tensor
    steps: Axis
    keys: Axis
    joint: bool = False


Seen = Mapping[nn.Module, Sequence[Tensor]]
"""What each module kept, call by call."""

_kept: ContextVar[dict[nn.Module, list[Tensor]] | None] = ContextVar("mcgurk_kept_weights", default=None)


@contextmanager
def recording() -> Iterator[dict[nn.Module, list[Tensor]]]:
    """Inside the block, the dict fills with the weights that modules weigh by, as they use them."""
    found: dict[nn.Module, list[Tensor]] = {}
    token = _kept.set(found)
    try:
        yield found
    finally:
        _kept.reset(token)


def looking() -> bool:
    """Whether someone wants the weights, so that a kernel that hides them will not do."""
    return _kept.get() is not None


def keep(module: nn.Module, weights: Tensor) -> None:
    """Called by modules with weights they are about to use, in every forward pass; outside of :func:`recording` it does nothing."""
    found = _kept.get()
    if found is not None:
        found.setdefault(module, []).append(weights)


def relevance(seen: Seen, score: Tensor) -> dict[nn.Module, list[Tensor]]:
    """``max(0, w dy/dw)`` in place of every recorded weight, with y the scalar ``score`` of the same forward pass: what changes it counts.

    When not to use it: for gates, whose weight is a factor and no share.

    Source: Chefer, Gur, Wolf 2021, Generic attention-model explainability for interpreting bi-modal and encoder-decoder transformers,
        ICCV, equation 5, before the mean over heads.

    Example:
        >>> import torch
        >>> from mcgurk.nn import CrossAttention
        >>> layer = CrossAttention(4, 2)
        >>> slot = Slot(torch.randn(1, 3, 4), torch.tensor([True]), torch.ones(1, 3, dtype=torch.bool))
        >>> with recording() as seen:
        ...     out = layer(slot, slot)
        >>> relevance(seen, out.values[0, 0, 0])[layer][0][0, :, 1:].abs().sum().item()
        0.0
    """
    used = [weights for several in seen.values() for weights in several if weights.requires_grad]
    slopes = iter(torch.autograd.grad(score, used, allow_unused=True) if used else ())

    def one(weights: Tensor) -> Tensor:
        slope = next(slopes) if weights.requires_grad else None
        return torch.zeros_like(weights) if slope is None else (weights * slope).clamp(min=0).detach()

    return {module: [one(weights) for weights in several] for module, several in seen.items()}


def choices(names: Sequence[str], shares: Tensor) -> list[Look]:
    """(B, K) shares of K units in the answer of a row as gates, one map a unit."""
    everywhere = Axis(torch.ones_like(shares[:, :1], dtype=torch.bool))
    return [
        Look("gate", "", name, shares[:, None, None, None, k, None], everywhere, Axis(shares[:, k, None] > 0), joint=True)
        for k, name in enumerate(names)
    ]


def looked(layer: Fusion, slots: dict[str, Slot]) -> tuple[Slot, list[Look]]:
    """The output of a layer in evaluation mode, and what it looked at on the way to it.

    Example:
        >>> import torch
        >>> from mcgurk.fusion import ModalityAttention
        >>> from mcgurk.nn import SlotSpec
        >>> layer = ModalityAttention(width=4)
        >>> layer.build({"image": SlotSpec((3,)), "text": SlotSpec((2,))})
        >>> slots = {"image": Slot(torch.randn(1, 3), torch.tensor([False])), "text": Slot(torch.randn(1, 2), torch.tensor([True]))}
        >>> [(look.source, look.weights.item()) for look in looked(layer.eval(), slots)[1]]
        [('image', 0.0), ('text', 1.0)]
    """
    with recording() as seen:
        out = layer(slots)
    return out, layer.looks(slots, seen)
