"""Typed message passing: order of nodes, weights that sum to one, isolated nodes, the mean over neighbours, large logits."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.nn.graph import RelationalAttention, RelationalConv, edge_softmax
from mcgurk.nn.look import recording

KINDS = 3


def graph(nodes=7, edges=12, width=4, seed=0):
    g = torch.Generator().manual_seed(seed)
    pairs = torch.randint(0, nodes - 1, (2, edges), generator=g)  # the last node is isolated
    return torch.randn(nodes, width, generator=g, dtype=torch.float64), pairs, torch.randint(0, KINDS, (edges,), generator=g)


@pytest.fixture(params=["mean", "attention"])
def conv(request):
    torch.manual_seed(1)
    return (RelationalConv(4, KINDS) if request.param == "mean" else RelationalAttention(4, KINDS, heads=2)).double()


def test_new_labels_of_nodes(conv):
    nodes, edges, kind = graph()
    order = torch.randperm(7, generator=torch.Generator().manual_seed(2))
    where = order.argsort()
    torch.testing.assert_close(conv(nodes[order], where[edges], kind), conv(nodes, edges, kind)[order], rtol=1e-10, atol=1e-12)


def test_order_of_edges(conv):
    nodes, edges, kind = graph()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(conv(nodes, edges[:, order], kind[order]), conv(nodes, edges, kind), rtol=1e-10, atol=1e-12)


def test_an_isolated_node_hears_nothing(conv):
    nodes, edges, kind = graph()
    other = nodes.clone()
    other[:-1] += 1
    torch.testing.assert_close(conv(other, edges, kind)[-1], conv(nodes, edges, kind)[-1])
    torch.testing.assert_close(conv(nodes, edges, kind)[-1], conv.own(nodes[-1]))


def test_nothing_at_all(conv):
    assert conv(torch.zeros(0, 4, dtype=torch.float64), torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)).shape == (
        0,
        4,
    )


def test_weights_sum_to_one_where_an_edge_ends():
    torch.manual_seed(1)
    conv = RelationalAttention(4, KINDS, heads=2).double()
    nodes, edges, kind = graph()
    with recording() as seen:
        conv(nodes, edges, kind)
    (weights,) = seen[conv]
    total = torch.zeros(7, 2, dtype=torch.float64).index_add(0, edges[1], weights)
    torch.testing.assert_close(total[edges[1].unique()], torch.ones_like(total[edges[1].unique()]))
    shift = conv.source(nodes).view(7, 2, 2)[edges[0]]
    expected = conv.own(nodes) + torch.zeros(7, 4, dtype=torch.float64).index_add(0, edges[1], (weights[:, :, None] * shift).flatten(1))
    torch.testing.assert_close(conv(nodes, edges, kind), expected)


def test_one_relation_is_the_mean_of_neighbours():
    torch.manual_seed(1)
    conv = RelationalConv(4, 1).double()
    conv.own.weight.data.zero_()
    conv.own.bias.data.zero_()
    nodes, edges, _ = graph()
    adjacency = torch.zeros(7, 7, dtype=torch.float64).index_put((edges[1], edges[0]), torch.ones(12, dtype=torch.float64), accumulate=True)
    degree = adjacency.sum(dim=1).clamp(min=1)
    expected = adjacency / degree[:, None] @ nodes @ conv.relation[0].T
    torch.testing.assert_close(conv(nodes, edges, torch.zeros(12, dtype=torch.int64)), expected)


def test_large_logits():
    weights = edge_softmax(torch.tensor([[1e4], [1e4], [-1e4]]), torch.tensor([0, 0, 1]), 2)
    assert weights.flatten().tolist() == [0.5, 0.5, 1.0]


def test_gradients(conv):
    nodes, edges, kind = graph(4, 5)
    assert torch.autograd.gradcheck(lambda x: conv(x, edges, kind), nodes.requires_grad_())


def test_mixed_precision(conv):
    nodes, edges, kind = graph()
    with torch.autocast("cpu", torch.bfloat16):
        out = conv.float()(nodes.float(), edges, kind)
    torch.testing.assert_close(out.double(), conv.double()(nodes, edges, kind), rtol=0.1, atol=0.1)


def test_wrong_heads():
    with pytest.raises(DataError, match="multiple of heads"):
        RelationalAttention(4, 1, heads=3)
