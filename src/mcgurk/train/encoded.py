"""What objectives without labels share: encoders, and training-row standardisation of what they read."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from mcgurk.data.spec import Spec
from mcgurk.errors import DataError
from mcgurk.nn.batch import Batch, Slot, SlotSpec
from mcgurk.nn.component import Encoder, NamedModules
from mcgurk.nn.masked import clean, pool
from mcgurk.nn.standardise import Standardise
from mcgurk.train.objective import Objective

RAW = ("tokens", "image", "video")  # kinds whose numbers are codes or pixels, left as they are


class Encoded(Objective):
    """Base of objectives that see every modality as one vector a row: standardised, encoded, pooled by the mean where it is a sequence.

    Args:
        encoders: one a column; built here.
        prepared: specs of the prepared columns.
        scale: standardise with the training rows' mean and standard deviation.
    """

    encoders: NamedModules
    scaling: NamedModules

    def __init__(self, encoders: Mapping[str, Encoder], prepared: Spec, *, scale: bool = True) -> None:
        super().__init__()
        self.encoders = NamedModules(dict(encoders))
        scaled: dict[str, nn.Module] = {}
        for name in self.encoders.names():
            spec = prepared[name]
            self.encoders[name].build(spec)
            if scale and spec.kind not in RAW:
                part = Standardise()
                part.build(SlotSpec(spec.item, spec.sequence))
                scaled[name] = part
        self.scaling = NamedModules(scaled)
        empty = [name for name in self.encoders.names() if self.width(name) == 0]
        if empty:
            raise DataError(f"{empty[0]!r} is encoded as vectors of no numbers; leave the column out")

    def width(self, name: str) -> int:
        """Numbers in a vector of this modality."""
        out: SlotSpec = self.encoders[name].out
        return out.width

    def encode(self, batch: Batch) -> dict[str, Slot]:
        """Vector Slots (B, width); absent rows are 0."""
        slots = {}
        for name, slot in batch.slots.items():
            scaled = self.scaling[name](slot) if name in self.scaling else slot
            vector = pool(clean(self.encoders[name](scaled)))
            slots[name] = vector.with_values(vector.values.flatten(1))
        return slots
