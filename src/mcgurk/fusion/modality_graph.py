"""A graph whose nodes are the steps of all modalities and whose edges know what they connect."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._edges import across, edges_of, nearest, numbered, temporal
from mcgurk.fusion._sequences import any_present, flags, step_widths, streams
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.graph import RelationalAttention, RelationalConv
from mcgurk.nn.look import Axis, Look, Seen
from mcgurk.nn.macs import dense


class ModalityGraph(Fusion):
    """Steps send messages along typed edges; every modality is then the mean of its steps, all side by side.

    Edges: to a step from the ``window`` steps before and after it in its modality (two kinds a modality); from the steps of another
    modality that stand within the window (one kind an ordered pair); and, with ``neighbours``, from the steps of its modality with the
    nearest features (one kind a modality). ``h = LN(h + relu(conv(h)))``, ``depth`` times.

    An absent or padded step is no node and has no edges: it is removed, not set to zero. A node without edges keeps its own part.

    Not for: long streams with a wide window (mult costs less memory), or vectors (attention).

    Args:
        width: of nodes.
        depth: rounds of messages; beyond 4 all nodes grow alike.
        conv: "attention" over the edges of a node, or "mean" of the neighbours of each kind.
        heads: of the attention, a divisor of ``width``.
        window: steps.
        neighbours: nearest steps by features; 0 for none.
        clock: seconds a step, for edges across modalities with times; None goes by relative position.
        dropout: of messages.

    Shapes: M Slots (B, T_m, d_m) -> (B, M width + M), presence flags last.

    Raises:
        DataError: ``conv`` unknown, ``depth`` or ``window`` below 1, ``neighbours`` below 0, ``clock`` not above 0.

    Source: Yang, Wang, Yi, Zhu, Zadeh, Poria, Morency 2021, MTAG: modal-temporal attention graph for unaligned human multimodal language
        sequences, NAACL, with the attention of Brody, Alon, Yahav 2022, ICLR, or the convolution of Schlichtkrull et al. 2018, ESWC.
        Windows instead of all pairs, the flags and no pruning of edges are ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = ModalityGraph(width=8, depth=1, heads=2)
        >>> layer.build({"sound": SlotSpec((3,), True), "text": SlotSpec((2,), True)})
        >>> here, steps = torch.ones(4, dtype=torch.bool), lambda t: torch.ones(4, t, dtype=torch.bool)
        >>> layer({"sound": Slot(torch.randn(4, 9, 3), here, steps(9)), "text": Slot(torch.randn(4, 5, 2), here, steps(5))}).values.shape
        torch.Size([4, 18])
    """

    wants = "sequence"
    shows = ("attention",)

    def __init__(
        self,
        *,
        width: int = 64,
        depth: int = 2,
        conv: str = "attention",
        heads: int = 4,
        window: int = 2,
        neighbours: int = 0,
        clock: float | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width = width
        self.depth = depth
        self.conv = conv
        self.heads = heads
        self.window = window
        self.neighbours = neighbours
        self.clock = clock
        self.dropout = dropout

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.conv not in ("attention", "mean") or self.depth < 1 or self.window < 1 or self.neighbours < 0:
            raise DataError(
                f"conv={self.conv!r}, depth={self.depth}, window={self.window}, neighbours={self.neighbours}; expected 'attention' or "
                "'mean', at least 1, at least 1, and at least 0"
            )
        if self.clock is not None and self.clock <= 0:
            raise DataError(f"clock={self.clock}; give seconds above 0, or None to go by relative position")
        self.built = step_widths(specs)
        names = tuple(self.built)
        self.kinds = [(a, b, kind) for a in names for b in names for kind in (self._own() if a == b else ("across",))]
        self.project = NamedModules({name: nn.Linear(d, self.width) for name, d in self.built.items()})
        self.layers = nn.ModuleList(self._layer() for _ in range(self.depth))
        self.norms = nn.ModuleList(nn.LayerNorm(self.width) for _ in range(self.depth))
        self.drop = nn.Dropout(self.dropout)
        self.out = SlotSpec((len(names) * (self.width + 1),))

    def _own(self) -> tuple[str, ...]:
        return ("before", "after", "nearest") if self.neighbours else ("before", "after")

    def _layer(self) -> nn.Module:
        kinds = len(self.kinds)
        return RelationalAttention(self.width, kinds, self.heads) if self.conv == "attention" else RelationalConv(self.width, kinds)

    def graph(self, slots: dict[str, Slot]) -> tuple[Tensor, Tensor, int]:
        """(edges (2, E) of (from, to), kind (E,) as a place in ``kinds``, nodes); valid steps are numbered modality by modality."""
        return self._graph(streams(slots, self.built))

    def _graph(self, parts: dict[str, Slot]) -> tuple[Tensor, Tensor, int]:
        number, nodes = numbered(parts)
        edges, kinds = [], []
        for a, slot in parts.items():
            before, after = temporal(slot, self.window)
            pairs = {(a, a, "before"): before, (a, a, "after"): after}
            if self.neighbours:
                pairs[a, a, "nearest"] = nearest(slot, self.neighbours)
            pairs |= {(a, b, "across"): across(slot, other, self.window, self.clock) for b, other in parts.items() if b != a}
            for kind, matrix in pairs.items():
                found = edges_of(matrix, number[a], number[kind[1]])
                edges.append(found)
                kinds.append(torch.full((found.shape[1],), self.kinds.index(kind), device=found.device))
        return torch.cat(edges, dim=1), torch.cat(kinds), nodes

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        """Attention along the edges, which sums to 1 over all edges that end in a step; none with ``conv="mean"``."""
        if self.conv == "mean":
            return []
        parts = streams(slots, self.built)
        edges, _, _ = self._graph(parts)
        weights = torch.stack([seen[layer][0] for layer in self.layers], dim=1)
        where = {name: Axis.of(slot) for name, slot in parts.items()}
        names = torch.cat([torch.full((int(axis.mask.sum()),), m) for m, axis in enumerate(where.values())])
        row, step = torch.cat([axis.mask.nonzero() for axis in where.values()]).T
        found = []
        for (m, a), (n, b) in product(enumerate(where), repeat=2):
            of, to = edges[:, (names[edges[0]] == n) & (names[edges[1]] == m)]
            dense_map = weights.new_zeros(len(where[a].mask), where[a].mask.shape[1], where[b].mask.shape[1], self.depth, self.heads)
            between = weights[(names[edges[0]] == n) & (names[edges[1]] == m)]
            dense_map.index_put_((row[to], step[to], step[of]), between, accumulate=True)
            found.append(Look("attention", a, b, dense_map.permute(0, 3, 4, 1, 2), where[a], where[b], joint=True))
        return found

    def macs(self, steps: Mapping[str, int]) -> float:
        enter = sum(dense(self.project[name], steps[name]) for name in self.built)
        nodes = sum(steps[name] for name in self.built)
        return enter + sum(layer.macs(nodes) for layer in self.layers)  # type: ignore[operator]  # a ModuleList knows no kinds

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = streams(slots, self.built)
        edges, kind, _ = self._graph(parts)
        h = torch.cat([self.project[name](slot.values[slot.mask]) for name, slot in parts.items()])
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = norm(h + self.drop(torch.relu(layer(h, edges, kind))))
        means, start = [], 0
        for slot in parts.values():
            assert slot.mask is not None
            row = slot.mask.nonzero()[:, 0]
            steps = torch.bincount(row, minlength=len(slot.mask)).clamp(min=1).to(h.dtype)
            total = h.new_zeros(len(slot.mask), self.width).index_add(0, row, h[start : start + len(row)])
            means.append(total / steps[:, None])
            start += len(row)
        full = all(slot.full for slot in parts.values())
        return Slot(torch.cat([*means, flags(parts, h)], dim=1), any_present(parts), None, None, full)
