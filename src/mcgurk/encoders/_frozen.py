"""Frozen networks: built on first use, shared by every encoder of the process, never part of a model's parameters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

import torch
from torch import nn

from mcgurk.run import Run

Network = TypeVar("Network", bound=nn.Module)
_networks: dict[Hashable, nn.Module] = {}
_lock = threading.Lock()


def device() -> torch.device:
    """Where frozen networks run: where everything else does under the settings in force."""
    return torch.device(Run.of().device)


def network(key: Hashable, make: Callable[[], Network]) -> Network:
    """The network called ``key``, made once a process and device: float32, in eval mode, without gradients."""
    place = (key, str(device()))
    with _lock:
        if place not in _networks:
            _networks[place] = make().float().eval().requires_grad_(False).to(device())
        return _networks[place]  # type: ignore[return-value]
