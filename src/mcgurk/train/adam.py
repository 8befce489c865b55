"""Adam and AdamW whose step is the fused kernel and next to nothing else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Direct(torch.optim.Optimizer):
    """``advance()`` does what ``step()`` does, to the same bits, without bookkeeping that costs small networks more than the arithmetic.

    State, groups, saving and loading are torch's own. Whenever there is anything but the ordinary case (no state yet, a parameter without a
    gradient, parameters that have not all made as many steps), ``advance`` is ``step``.
    """

    kernel: Any

    def __init__(self, groups: Any) -> None:
        super().__init__(groups, fused=True)  # type: ignore[call-arg]
        self._groups: list[dict[str, Any]] = []

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._groups = []

    @torch.no_grad()
    def advance(self) -> None:
        """One update from the parameters' gradients."""
        if not self._groups:
            self._groups = [_gathered(group, self.state) for group in self.param_groups]
        gradients = [[p.grad for p in group["params"]] for group in self.param_groups]
        if any(not found for found in self._groups) or any(g is None for part in gradients for g in part):
            self._apart()
            self.step()
            return
        for group, found, part in zip(self.param_groups, self._groups, gradients, strict=True):
            found["steps"][0].add_(1)
            type(self).kernel(
                group["params"],
                part,
                found["first"],
                found["second"],
                [],
                found["steps"],
                lr=group["lr"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=group["maximize"],
            )

    def _apart(self) -> None:
        """A counter of its own for every parameter again, as ``step`` wants them."""
        self._groups = []
        for state in self.state.values():
            if "step" in state:
                state["step"] = state["step"].clone()


def _gathered(group: dict[str, Any], state: Any) -> dict[str, list[Tensor]]:
    """The group's moments as lists, with one counter of steps for all its parameters; empty where it must be stepped by torch."""
    states = [state.get(p) for p in group["params"]]
    if group["amsgrad"] or not all(states) or len({float(s["step"]) for s in states}) > 1:
        return {}
    for s in states:
        s["step"] = states[0]["step"]
    return {"first": [s["exp_avg"] for s in states], "second": [s["exp_avg_sq"] for s in states], "steps": [s["step"] for s in states]}


class Adam(_Direct, torch.optim.Adam):
    """torch's Adam with a quick :meth:`advance`.

    Source: Kingma, Ba 2015, Adam: a method for stochastic optimization, ICLR, algorithm 1.
    """

    kernel = staticmethod(torch._fused_adam_)


class AdamW(_Direct, torch.optim.AdamW):
    """torch's AdamW with a quick :meth:`advance`.

    Source: Loshchilov, Hutter 2019, Decoupled weight decay regularization, ICLR, algorithm 2.
    """

    kernel = staticmethod(torch._fused_adamw_)
