"""Message passing over typed edges: relational graph convolution and graph attention, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.nn.look import keep
from mcgurk.nn.macs import dense


class RelationalConv(nn.Module):
    """``h_i' = W_0 h_i + b + sum_r sum_{j in N_r(i)} W_r h_j / |N_r(i)|``: the mean over the neighbours of every kind of edge.

    Not for: graphs in which few neighbours matter and many do not (:class:`RelationalAttention`).

    Args:
        width: of nodes, before and after.
        kinds: number of kinds of edges.

    Shapes: nodes (N, width), edges (2, E) int64 of (from, to), kind (E,) int64 -> (N, width).

    Source: Schlichtkrull, Kipf, Bloem, van den Berg, Titov, Welling 2018, Modeling relational data with graph convolutional networks,
        ESWC, equation 2.

    Example:
        >>> import torch
        >>> conv = RelationalConv(4, 2)
        >>> conv(torch.randn(3, 4), torch.tensor([[0, 1], [2, 2]]), torch.tensor([0, 1])).shape
        torch.Size([3, 4])
    """

    def __init__(self, width: int, kinds: int) -> None:
        super().__init__()
        self.kinds = kinds
        self.own = nn.Linear(width, width)
        self.relation = nn.Parameter(torch.randn(kinds, width, width) * width**-0.5)

    def macs(self, nodes: int) -> float:
        """Of so many nodes, whatever their edges."""
        return nodes * (dense(self.own) + self.relation.numel())

    def forward(self, nodes: Tensor, edges: Tensor, kind: Tensor) -> Tensor:
        source, target = edges
        place = kind * len(nodes) + target
        count = torch.bincount(place, minlength=self.kinds * len(nodes)).clamp(min=1).to(nodes.dtype)
        mean = nodes.new_zeros(self.kinds * len(nodes), nodes.shape[1]).index_add(0, place, nodes[source] / count[place, None])
        heard = torch.einsum("rni,roi->no", mean.view(self.kinds, *nodes.shape), self.relation)
        out: Tensor = self.own(nodes) + heard
        return out


class RelationalAttention(nn.Module):
    """``h_i' = W_0 h_i + b + sum_j a_ij W_s h_j`` with ``a_ij = softmax_j( v_r^T leaky_relu(W_t h_i + W_s h_j) )``, r the kind of the edge.

    The softmax runs over all edges that end in i, of every kind; a node without any keeps its own part.

    Not for: very small data (:class:`RelationalConv` has no weights to choose neighbours by).

    Args:
        width: of nodes, before and after.
        kinds: number of kinds of edges.
        heads: a divisor of ``width``.

    Shapes: nodes (N, width), edges (2, E) int64 of (from, to), kind (E,) int64 -> (N, width).

    Raises:
        DataError: ``heads`` does not divide ``width``.

    Source: Brody, Alon, Yahav 2022, How attentive are graph attention networks?, ICLR, equation 7; one v a kind of edge as in Yang, Wang,
        Yi, Zhu, Zadeh, Poria, Morency 2021, MTAG: modal-temporal attention graph for unaligned human multimodal language sequences, NAACL.

    Example:
        >>> import torch
        >>> conv = RelationalAttention(4, 2, heads=2)
        >>> nodes, edges, kind = torch.randn(3, 4), torch.tensor([[0, 1], [2, 2]]), torch.tensor([0, 1])
        >>> conv(nodes, edges, kind).shape
        torch.Size([3, 4])
    """

    def __init__(self, width: int, kinds: int, heads: int = 1) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise DataError(f"{heads} heads do not divide a width of {width}; give a width that is a multiple of heads")
        self.heads = heads
        self.own = nn.Linear(width, width)
        self.target = nn.Linear(width, width)
        self.source = nn.Linear(width, width, bias=False)
        self.query = nn.Parameter(torch.randn(kinds, heads, width // heads) * (width // heads) ** -0.5)

    def _parts(self, nodes: Tensor, edges: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (E, heads) and values (E, heads, width / heads)."""
        source, target = edges
        shape = (len(nodes), self.heads, nodes.shape[1] // self.heads)
        sent = self.source(nodes).view(shape)
        pair = F.leaky_relu(self.target(nodes).view(shape)[target] + sent[source], 0.2)
        return edge_softmax((pair * self.query[kind]).sum(dim=2), target, len(nodes)), sent[source]

    def macs(self, nodes: int) -> float:
        """Of so many nodes, whatever their edges."""
        return dense(self, nodes)

    def forward(self, nodes: Tensor, edges: Tensor, kind: Tensor) -> Tensor:
        weights, sent = self._parts(nodes, edges, kind)
        keep(self, weights)
        message = (weights[:, :, None] * sent).flatten(1)
        heard = message.new_zeros(nodes.shape).index_add(0, edges[1], message)
        out: Tensor = self.own(nodes) + heard
        return out


def edge_softmax(logits: Tensor, target: Tensor, nodes: int) -> Tensor:
    """Softmax over the edges that end in the same node: logits (E, heads), target (E,) -> (E, heads).

    The largest logit of every node is taken off first, so that no exponential overflows; computed in float32 or wider.
    """
    logits = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    place = target[:, None].expand_as(logits)
    with torch.no_grad():
        top = logits.new_full((nodes, logits.shape[1]), -torch.inf).scatter_reduce(0, place, logits, "amax")
    raised = torch.exp(logits - top[target])
    total = logits.new_zeros(nodes, logits.shape[1]).index_add(0, target, raised)
    return raised / total[target]
