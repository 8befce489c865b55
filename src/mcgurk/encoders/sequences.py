"""What the trainable sequence encoders share: where their steps come from, clocks, and pooling. A method adds ``_build`` and ``_steps``."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mcgurk import registry
from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.spec import ColumnSpec
from mcgurk.errors import DataError
from mcgurk.nn import masked
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Encoder
from mcgurk.params import learn

POOLS = (None, "mean", "max", "last", "attention")


class SequenceEncoder(Encoder):
    """A network over steps that trains with the model; never instantiated itself.

    Constructor arguments every subclass has: ``width`` of the output, ``pool`` (None keeps the sequence; "mean", "max", "last" or
    "attention" give one vector a row) and ``base``, a frozen encoder that turns items into steps (a registry name, ``(name, {params})``
    or an object), such as ``("minilm", {"tokens": True})`` for words; None reads series as they are.

    Shapes: Ragged (N, *step) or Slot (B, T, *step) -> Slot (B, width), or (B, T, width) with ``pool=None``. An empty sequence is pooled
        to 0.
    """

    kinds = ("series", "text", "image", "audio", "video")
    trains = True

    base: Any
    width: int
    pool: str | None

    @property
    def cached(self) -> bool:  # type: ignore[override]
        """Worth keeping where another encoder made the steps."""
        return self.base is not None

    @property
    def assets(self) -> tuple[str, ...]:
        """Packaged weights of the encoder that makes the steps."""
        return tuple(getattr(self._inner(), "assets", ()))

    def prepare_fit(self, column: Column) -> None:
        inner = self._inner()
        if inner is not None:
            inner.prepare_fit(column)
            self.base_ = inner.learned()
        times = column.times if isinstance(column, Ragged) else None
        self.step_ = _step(column.offsets, times) if isinstance(column, Ragged) and times is not None else 1.0

    def prepare(self, column: Column) -> Ragged:
        inner = self._inner()
        made = column if inner is None else inner.prepare(column)
        if not isinstance(made, Ragged) or isinstance(made, (Lazy, Dense)):
            raise DataError(
                f"{type(self).__name__} reads sequences, but this {column.kind} column gives one item a row; "
                "give base=, an encoder whose output is a sequence, such as ('minilm', {'tokens': True})"
            )
        if made.values.dtype.kind == "f":
            return made
        return Ragged(made.values.astype(np.float32), made.offsets, made.present, made.times, made.kind)

    def weights_hash(self) -> str:
        inner = self._inner()
        return "" if inner is None else inner.weights_hash()

    def step_names(self, column: Column) -> list[list[str]] | None:
        inner = self._inner()
        return None if inner is None else inner.step_names(column)

    def fingerprint(self) -> str:
        """That of the encoder that makes the steps: what trains behind it changes nothing that is cached."""
        inner = self._inner()
        return super().fingerprint() if inner is None else f"steps of {inner.fingerprint()}"

    def build(self, spec: ColumnSpec) -> None:
        if self.pool not in POOLS:
            raise DataError(f"pool={self.pool!r} was given; expected one of {', '.join(map(repr, POOLS))}")
        self._step_width = int(np.prod(spec.item, dtype=int))
        self._build(self._step_width)
        self.attend = (
            nn.Sequential(nn.Linear(self.width, self.width), nn.Tanh(), nn.Linear(self.width, 1)) if self.pool == "attention" else None
        )
        self.out = SlotSpec((self.width,), self.pool is None)

    def forward(self, slot: Slot) -> Slot:
        slot = masked.clean(slot)
        assert slot.mask is not None
        batch, length = slot.mask.shape
        steps = self._steps(slot.with_values(slot.values.reshape(batch, length, self._step_width)))
        done = masked.clean(slot.with_values(steps))
        return self._pooled(done)

    @abstractmethod
    def _build(self, width: int) -> None:
        """Create the parameters for steps of this width."""

    @abstractmethod
    def _steps(self, slot: Slot) -> Tensor:
        """(B, T, d) cleaned -> (B, T, width); what it returns in masked places is ignored, and must not matter to the others."""

    def _inner(self) -> Encoder | None:
        if self.base is None:
            return None
        inner = self.base if isinstance(self.base, Encoder) else registry.make("encoders", self.base)
        if inner.trains:
            raise DataError(f"base={self.base!r} trains itself; give an encoder that is frozen, or build the two into one")
        learn(inner, getattr(self, "base_", {}))
        return inner

    def _pooled(self, slot: Slot) -> Slot:
        if self.pool is None:
            return slot
        if self.attend is None:
            return masked.pool(slot, str(self.pool))
        assert slot.mask is not None
        weights = masked.softmax(self.attend(slot.values)[..., 0], slot.mask)
        return Slot((weights[..., None] * slot.values).sum(dim=1), slot.present, None, None, slot.full)

    def _positions(self, slot: Slot) -> Tensor:
        """(B, T) steps since the row's first one: by its clock, in typical distances of the training rows, else counted."""
        assert slot.mask is not None
        if slot.times is None:
            return torch.arange(slot.mask.shape[1], device=slot.mask.device).expand(slot.mask.shape)
        late = torch.where(slot.mask, slot.times, torch.full_like(slot.times, torch.inf)).amin(dim=1, keepdim=True)
        return torch.where(slot.mask, (slot.times - late) / getattr(self, "step_", 1.0), torch.zeros_like(slot.times))


def waves(positions: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """Sinusoids of geometrically spaced periods, 2 pi to 20,000 pi steps: (B, T) -> (B, T, width).

    Source: Vaswani et al. 2017, NeurIPS, section 3.5.
    """
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half, device=positions.device, dtype=torch.float64) * (-math.log(10_000.0) / max(half, 1)))
    turns = positions.to(torch.float64)[..., None] * rates
    return torch.stack([turns.sin(), turns.cos()], dim=-1).flatten(-2)[..., :width].to(dtype)


def _step(offsets: np.ndarray, times: np.ndarray) -> float:
    """The median distance of neighbouring steps in seconds; 1 where there is none."""
    apart = np.diff(times)
    inside = np.ones(len(apart), dtype=bool)
    ends = offsets[1:-1]
    inside[ends[(ends > 0) & (ends < len(times))] - 1] = False
    apart = apart[inside & (apart > 0)]
    return float(np.median(apart)) if len(apart) else 1.0
