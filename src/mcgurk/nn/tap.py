"""Reading hidden layers without touching the module."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from torch import Tensor, nn

from mcgurk.errors import UnknownName, listing


@contextlib.contextmanager
def tap(module: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Inside the block, the dict fills with the last output of each named submodule.

    Example:
        >>> import torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
        >>> with tap(net, ["0"]) as hidden:
        ...     _ = net(torch.zeros(4, 2))
        >>> tuple(hidden["0"].shape)
        (4, 3)
    """
    known = dict(module.named_modules())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownName(f"no layer {unknown[0]!r}; the module has {listing([n for n in known if n], 12)}")
    seen: dict[str, Tensor] = {}

    def keep(name: str):  # type: ignore[no-untyped-def]
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            seen[name] = output

        return hook

    handles = [known[name].register_forward_hook(keep(name)) for name in names]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
