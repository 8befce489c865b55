"""Multiply-accumulates: what a layer costs by formula, and what a computation cost by counting it while it runs.

One multiply-accumulate is one ``a b + c`` of a matrix product, convolution, recurrent layer or attention; a real Fourier transform of n
numbers counts as 1.25 n log2 n of them. What touches each number once is not counted: sums, element-wise products, activations, softmax,
normalisation, lookups.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from mcgurk.nn.batch import Slot, SlotSpec


def dense(module: nn.Module, times: float = 1) -> float:
    """Every linear layer within ``module``, each applied ``times`` times.

    Example:
        >>> dense(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), times=10)
        200
    """
    return times * sum(layer.in_features * layer.out_features for layer in module.modules() if isinstance(layer, nn.Linear))


def recurrent(layer: nn.RNNBase, steps: float) -> float:
    """An LSTM, GRU or plain recurrent layer over ``steps`` steps.

    Example:
        >>> recurrent(nn.LSTM(3, 4), 10)
        1120
    """
    return steps * sum(weight.numel() for name, weight in layer.named_parameters() if name.startswith("weight"))


def fourier(n: int) -> float:
    """One real transform of n numbers, forth or back: half of the customary 2.5 n log2 n operations."""
    return 1.25 * n * math.log2(n) if n > 1 else 0.0


class Counter(FlopCounterMode):
    """Counts the multiply-accumulates of everything that runs inside the block.

    Example:
        >>> layer = nn.Linear(3, 4)
        >>> with Counter() as counter:
        ...     _ = layer(torch.zeros(10, 3))
        >>> counter.macs
        120.0
    """

    def __init__(self) -> None:
        super().__init__(display=False, custom_mapping=_FORMULAS)
        self.mod_tracker = _Untracked()  # type: ignore[assignment]

    @property
    def macs(self) -> float:
        """So far."""
        return self.get_total_flops() / 2

    @contextmanager
    def parts(self, modules: Mapping[str, nn.Module]) -> Iterator[dict[str, float]]:
        """Inside the block, the dict fills with what each of these modules, none within another, has cost."""
        spent = dict.fromkeys(modules, 0.0)
        entered: dict[str, float] = {}
        handles = []
        for name, module in modules.items():
            handles.append(module.register_forward_pre_hook(lambda *_, n=name: entered.__setitem__(n, self.macs)))
            handles.append(module.register_forward_hook(lambda *_, n=name: spent.__setitem__(n, spent[n] + self.macs - entered[n])))
        try:
            yield spent
        finally:
            for handle in handles:
                handle.remove()


class _Untracked:
    """In place of torch's tracker of modules, which fails on views of parameters; :meth:`Counter.parts` does without it."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def counted(layer: nn.Module, specs: Mapping[str, SlotSpec], steps: Mapping[str, int]) -> float:
    """What one row of zeros that has every modality costs in a built fusion layer, counted.

    Args:
        layer: in evaluation mode while it is counted.
        specs: of the modalities.
        steps: of each modality that is a sequence.
    """
    like = next(layer.parameters(), torch.zeros(()))
    slots = {name: zeros(spec, steps.get(name, 1), like) for name, spec in specs.items()}
    training = layer.training
    layer.eval()
    try:
        with torch.no_grad(), Counter() as counter:
            layer(slots)
    finally:
        layer.train(training)
    return counter.macs


def zeros(spec: SlotSpec, steps: int, like: torch.Tensor) -> Slot:
    """One row of zeros of this spec, present in all its steps."""
    here = torch.ones(1, dtype=torch.bool, device=like.device)
    if not spec.sequence:
        return Slot(like.new_zeros(1, *spec.item), here, full=True)
    return Slot(like.new_zeros(1, steps, *spec.item), here, here.expand(1, steps), full=True)


def _matrix_vector(matrix: Any, vector: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return 2 * math.prod(matrix)


def _attention(query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


def _one_lstm(x: Any, *rest: Any, out_shape: Any = None, **__: Any) -> int:
    """oneDNN's layer of one direction: its first two weights are matrices."""
    return 2 * x[0] * x[1] * (math.prod(rest[0]) + math.prod(rest[1]))


def _cudnn(x: Any, weights: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """cuDNN's layers: x (T, B, d) or packed (N, d); of the weights those with two axes are matrices."""
    return 2 * math.prod(x[:-1]) * sum(math.prod(weight) for weight in weights if len(weight) == 2)


def _forth(x: Any, axes: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return round(2 * fourier(x[-1]) * math.prod(x[:-1]))


def _back(x: Any, axes: Any, scaling: Any, n: int, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return round(2 * fourier(n) * math.prod(x[:-1]))


_ATEN = torch.ops.aten
_FORMULAS = {
    _ATEN.mv: _matrix_vector,
    _ATEN._scaled_dot_product_flash_attention_for_cpu: _attention,
    _ATEN.mkldnn_rnn_layer: _one_lstm,
    _ATEN._cudnn_rnn: _cudnn,
    _ATEN._fft_r2c: _forth,
    _ATEN._fft_c2r: _back,
}
"""Operations that torch's own counter passes over."""
