"""The bases of every trainable part: constructors store, build creates parameters, forward maps Slots to Slots."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.look import Look, Seen
from mcgurk.params import Params


class Component(Params, nn.Module):
    """A part with scikit-learn's parameters: ``__init__`` calls ``super().__init__()`` and stores; ``build(spec)`` creates parameters."""

    out: SlotSpec

    def __init__(self) -> None:
        super().__init__()

    __repr__ = Params.__repr__

    def learned(self) -> dict[str, Any]:
        """State learned outside of gradients: attributes that end in one underscore."""
        return {k: v for k, v in vars(self).items() if k.endswith("_") and not k.startswith("_")}


class Encoder(Component):
    """From a column to a Slot. ``prepare`` runs once and is cached; ``forward`` runs in every step of training.

    Class attributes:
        kinds: column kinds it reads.
        version: raised whenever ``prepare`` changes what it returns; part of the cache key.
        cached: whether ``prepare`` is worth keeping on disk.
        trains: whether ``forward`` holds parameters.
        scaling: how the estimator standardises what ``prepare`` returned: "cell" (every position by its own training standard deviation) or
            "block" (all positions by one common one, for spaces whose lengths and angles carry meaning, such as TF-IDF and embeddings).
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1
    cached: ClassVar[bool] = True
    trains: ClassVar[bool] = False
    scaling: ClassVar[str] = "cell"

    def prepare_fit(self, column: Column) -> None:
        """Learn from training rows only; learned state in attributes ending "_"."""

    def prepare(self, column: Column) -> Dense | Ragged:
        """Everything that needs no gradient, a frozen network included: batched, deterministic, without padding."""
        if isinstance(column, Lazy):
            raise DataError(f"{type(self).__name__} does not decode {column.kind} items; choose another encoder for this column")
        return column

    def step_names(self, column: Column) -> list[list[str]] | None:
        """What each step that ``prepare`` makes of each row is called, such as the word it stands for; None where steps have no names."""
        return None

    def build(self, spec: ColumnSpec) -> None:
        """Create parameters for a prepared column of this spec and set ``out``."""
        self.out = SlotSpec(spec.item, spec.sequence)

    def forward(self, slot: Slot) -> Slot:
        """What trains; the identity otherwise."""
        return slot

    def weights_hash(self) -> str:
        """Identifies frozen weights that ``prepare`` uses; part of the cache key."""
        return ""

    def fingerprint(self) -> str:
        """Cache key of everything but the item: class, version, parameters, weights and learned state."""
        state = hashlib.sha256()
        _feed(state, self.learned())
        params = json.dumps(self.get_params(), sort_keys=True, default=repr)
        return f"{type(self).__module__}.{type(self).__qualname__}/{self.version}/{params}/{self.weights_hash()}/{state.hexdigest()}"


class Fusion(Component):
    """From the Slots of all modalities to one Slot, for any non-empty subset of them present.

    Class attributes:
        wants: "vector" or "sequence"; the estimator pools or lengthens Slots to that.
        shows: kinds of maps (:class:`~mcgurk.nn.look.Look`) that :meth:`looks` returns; () for a layer that has none.
    """

    wants: ClassVar[str] = "vector"
    shows: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def build(self, specs: dict[str, SlotSpec]) -> None:
        """Create parameters for these modalities and set ``out``."""

    @abstractmethod
    def forward(self, slots: dict[str, Slot]) -> Slot:
        """One Slot; a row is present where any modality is."""

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        """What was looked at, from the weights recorded (:func:`mcgurk.nn.look.recording`) while ``forward(slots)`` ran."""
        return []

    def macs(self, steps: Mapping[str, int]) -> float | None:
        """Multiply-accumulates (:mod:`mcgurk.nn.macs`) of one row that has every modality, with so many steps of each that is a sequence.

        None where the layer gives no formula; then whoever asks must run it and count.
        """
        return None


class Head(Component):
    """From a Slot to scores."""

    @abstractmethod
    def build(self, spec: SlotSpec, target: TargetSpec) -> None:
        """Create parameters for this Slot and target."""

    @abstractmethod
    def forward(self, slot: Slot) -> Tensor:
        """(B, k) scores: logits for classes, standardised numbers, log-means for counts."""


class Decoder(Component):
    """From a latent code to a distribution over a modality: ``forward(z)`` has ``log_prob(slot)`` and ``to_column()``."""

    @abstractmethod
    def build(self, spec: SlotSpec, latent: int) -> None:
        """Create parameters from a latent of this width to a Slot of this spec."""


class NamedModules(nn.Module):
    """Modules by column name. Unlike ``nn.ModuleDict`` any name is allowed, "items", "type" and names with dots included."""

    def __init__(self, modules: dict[str, nn.Module] | None = None) -> None:
        super().__init__()
        for name in sorted(modules or {}):
            self._modules[name] = (modules or {})[name]
        self._prefix = ""
        self.register_load_state_dict_post_hook(_forgive)  # type: ignore[no-untyped-call]

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *_: Any) -> None:
        """Nothing of its own to load; torch would take what a name has after its first dot for a stray key."""
        self._prefix = prefix

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __len__(self) -> int:
        return len(self._modules)

    def names(self) -> tuple[str, ...]:
        return tuple(self._modules)

    @property
    def table(self) -> dict[str, Any]:
        """Name -> module, as a plain dict: what a loop over all of them should look at."""
        return self._modules


def _forgive(module: NamedModules, keys: Any) -> None:
    """A module called "a" calls the keys of its sister "a.b" unexpected."""
    known = {module._prefix + key for key in module.state_dict()}
    keys.unexpected_keys[:] = [key for key in keys.unexpected_keys if key not in known]


def _feed(state: Any, value: Any) -> None:
    """Hash nested state by content."""
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            state.update(str(key).encode())
            _feed(state, value[key])
    elif isinstance(value, (list, tuple)):
        state.update(f"[{len(value)}".encode())
        for part in value:
            _feed(state, part)
    elif isinstance(value, np.ndarray):
        state.update(f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    else:
        state.update(repr(value).encode())
