"""The last stage of an architecture search: both networks and the chain between their layers, trained together."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.nn.batch import Batch, Slot
from mcgurk.nn.component import NamedModules
from mcgurk.nn.tap import tap
from mcgurk.train.objective import Objective, Phase, Step
from mcgurk.train.supervised import Supervised


def tapped(net: Supervised, batch: Batch) -> tuple[Tensor, list[Tensor]]:
    """(B, k) scores of a network, and what goes into its head and comes out of each hidden layer, every one (B, width)."""
    layers: nn.Sequential = net.head.layers  # type: ignore[assignment]
    names = ["head.input_dropout", *(f"head.layers.{i}" for i, layer in enumerate(layers) if isinstance(layer, nn.ReLU))]
    with tap(net, names) as seen:
        scores = net.scores(batch)
    return scores, [seen[name].flatten(1) for name in names]


class Joined(Objective):
    """``CE(chain) + CE(net 1) + CE(net 2)``: the chain alone in the first epoch at a tenth of its rate, then everything.

    A network's own term counts the rows in which its modality is present.

    Args:
        nets: column -> trained network.
        chain: on slots "<column> <number>", as :func:`tapped` numbers them.

    Source: Perez-Rua, Vielzeuf, Pateux, Baccouche, Jurie 2019, MFAS: multimodal fusion architecture search, CVPR, section 4; one epoch of
        the chain alone as in the authors' code.
    """

    def __init__(self, nets: Mapping[str, Supervised], chain: Supervised) -> None:
        super().__init__()
        self.nets = NamedModules(dict(nets))
        self.chain = chain

    def phases(self) -> tuple[Phase, ...]:
        return Phase("chain", "chain.*", epochs=(0, 1), lr_scale=0.1), Phase("all", epochs=(1, None))

    def parts(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """(B, k) scores of the chain, and of either network."""
        slots: dict[str, Slot] = {}
        own = {}
        for name in self.nets.names():
            own[name], layers = tapped(self.nets[name], batch.with_slots({name: batch.slots[name]}))
            present = batch.slots[name].present
            for number, values in enumerate(layers):
                slots[f"{name} {number}"] = Slot(torch.where(present[:, None], values, torch.zeros_like(values)), present)
        return self.chain.scores(batch.with_slots(dict(sorted(slots.items())))), own

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        scores, own = self.parts(batch)
        terms = {"chain": self.chain.loss_of(scores, batch)}
        if phase == "chain":
            return terms
        for name, given in own.items():
            terms[name] = self.nets[name].loss_where(given, batch, batch.slots[name].present)
        return terms

    def validate(self, batch: Batch, step: Step) -> Tensor:
        return self.chain.loss_of(self.parts(batch)[0], batch)
