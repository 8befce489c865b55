"""The fusion unit of MFAS: a chain of layers, each of which takes one feature of either side and the chain so far."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.fusion._vectors import blocks, fused, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion
from mcgurk.nn.macs import dense

ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "leaky": F.leaky_relu}


class FusionChain(Fusion):
    """``h_l = act_p(W_l [x_m; y_n; h_(l-1); flags] + b_l)`` for steps (m, n, p), h_0 empty; the output is the last h.

    Features are hidden layers of two networks (or any vectors). An absent one enters as zeros, and two flags say what is present.

    Not for: features of very different size without standardisation (the estimators standardise).

    Args:
        steps: (name, name, activation) triples, activation "relu", "sigmoid" or "leaky"; the two names may be equal. Default: every
            modality with the next, by sorted name, with "relu".
        width: of every h.
        norm: batch normalisation before the activation.
        gates: a learned gate ``s(alpha)``, alpha starting at 0, on every input of a step.
        dropout: after every step.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: no step, an unknown activation.
        UnknownName: a step names what is no modality.

    Source: Perez-Rua, Vielzeuf, Pateux, Baccouche, Jurie 2019, MFAS: multimodal fusion architecture search, CVPR, equation 1.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> chain = FusionChain((("a", "b", "relu"), ("a", "a", "sigmoid")), width=5)
        >>> chain.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
        >>> here = torch.ones(4, dtype=torch.bool)
        >>> chain({"a": Slot(torch.randn(4, 3), here), "b": Slot(torch.randn(4, 2), here)}).values.shape
        torch.Size([4, 5])
    """

    def __init__(
        self,
        steps: tuple[tuple[str, str, str], ...] | None = None,
        *,
        width: int = 64,
        norm: bool = False,
        gates: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.width = width
        self.norm = norm
        self.gates = gates
        self.dropout = dropout

    def build(self, specs: dict[str, SlotSpec]) -> None:
        self.built = widths(specs)
        names = list(self.built)
        self.plan = (
            [tuple(step) for step in self.steps] if self.steps is not None else [(a, b, "relu") for a, b in pairwise([*names, names[0]])]
        )
        unknown = [name for m, n, _ in self.plan for name in (m, n) if name not in self.built]
        if unknown:
            raise UnknownName(f"a step names {unknown[0]!r}, which is no modality; there are {listing(names, 12)}")
        wrong = [p for _, _, p in self.plan if p not in ACTIVATIONS]
        if wrong or not self.plan:
            raise DataError(
                f"steps={self.steps!r}; expected at least one (name, name, activation), activation one of {', '.join(ACTIVATIONS)}"
            )
        parts = [[self.built[name] for name in self._names(step)] + [self.width] * (level > 0) for level, step in enumerate(self.plan)]
        flags = 2
        self.layers = nn.ModuleList(nn.Linear(sum(part) + flags, self.width) for part in parts)
        self.norms = nn.ModuleList(nn.BatchNorm1d(self.width) for _ in parts) if self.norm else None
        self.alphas = nn.ParameterList(nn.Parameter(torch.zeros(len(part))) for part in parts) if self.gates else None
        self.drop = nn.Dropout(self.dropout)
        self.out = SlotSpec((self.width,))

    @staticmethod
    def _names(step: tuple[str, ...]) -> tuple[str, ...]:
        """The features of a step, each once."""
        return tuple(dict.fromkeys(step[:2]))

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        known = dict(zip(self.built, blocks(slots, self.built), strict=True))
        hidden: Tensor | None = None
        for level, step in enumerate(self.plan):
            parts = [known[name][0] for name in self._names(step)] + ([] if hidden is None else [hidden])
            if self.alphas is not None:
                parts = [part * gate for part, gate in zip(parts, torch.sigmoid(self.alphas[level]), strict=True)]
            flags = torch.stack([known[name][1] for name in step[:2]], dim=1).to(parts[0].dtype)
            values = self.layers[level](torch.cat([*parts, flags], dim=1))
            if self.norms is not None:
                values = self.norms[level](values)
            hidden = self.drop(ACTIVATIONS[step[2]](values))
        assert hidden is not None
        return fused(hidden, slots, self.built)
