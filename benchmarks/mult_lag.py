"""A planted lag between two streams of unequal length: the multimodal transformer against late fusion and concatenation, and its maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.functional.bootstrap import paired_difference
from mcgurk.fusion import MulT
from mcgurk.nn import Look, Slot, SlotSpec
from mcgurk.nn.look import recording, relevance
from mcgurk.nn.mlp import mlp
from mcgurk.seeding import guard

SEED = 0
STEPS_A, STEPS_B, LAG = 14, 10, 7
TESTED = 4000
STARTS = 3


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Accuracy on fresh rows, paired differences, and the lag read from the maps; short: one seed and start, and s is always +."""
    updates, rows, seeds, starts = (4000, 64, 3, STARTS) if full else (500, 64, 1, 1)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            "protocol": f"x_b: {STEPS_B} signs; x_a: {STEPS_A} steps of zeros but one, tau, which holds (s, 1); y = s x_b[tau - {LAG}]"
            f"{'' if full else ', s = 1'}; {updates} updates on {rows} fresh rows each; every method from {starts} starting values, of "
            f"which the lowest loss on {TESTED} validation rows is kept; {TESTED} fresh rows to test; concatenation: means over steps side "
            "by side, then a network; late: a network for each mean, their decisions averaged; several starting values since one alone was "
            "seen to fail for the third seed (accuracy .78, lag in no map)",
            "seed": f"{SEED} to {SEED + seeds - 1}",
            "planted_lag": LAG,
            "runs": [one(updates, rows, full, seed, starts) for seed in range(SEED, SEED + seeds)],
        }
    finally:
        torch.set_num_threads(before)


def one(updates: int, rows: int, signs: bool, seed: int, starts: int) -> dict[str, Any]:
    """All three methods with one seed, each from the start that did best on the same validation rows."""
    held = planted(TESTED, signs, torch.Generator().manual_seed(seed + 2000))[:2]
    models, losses = {}, {}
    for name, make in MODELS.items():
        tried = [started(make, updates, rows, signs, seed + 100 * start) for start in range(starts)]
        losses[name] = [round(loss_of(model, *held), 4) for model in tried]
        models[name] = tried[int(np.argmin(losses[name]))]
    fresh = torch.Generator().manual_seed(seed + 1000)
    return {"validation_loss": losses, **judged(models, signs, fresh), **lag_found(models["mult"], signs, fresh)}


def started(make: Callable[[], nn.Module], updates: int, rows: int, signs: bool, seed: int) -> nn.Module:
    """A model trained from the starting values, and on the rows, of one seed."""
    with guard(seed):
        model = make()
    fit(model, updates, rows, signs, seed)
    return model


def loss_of(model: nn.Module, slots: dict[str, Slot], y: Tensor) -> float:
    """Cross-entropy, without learning from it."""
    with torch.no_grad():
        return float(F.cross_entropy(model.eval()(slots), y))


def planted(n: int, signs: bool, generator: torch.Generator) -> tuple[dict[str, Slot], Tensor, Tensor]:
    """(slots, labels, tau) of n fresh rows."""
    b = torch.randint(0, 2, (n, STEPS_B), generator=generator) * 2.0 - 1
    tau = torch.randint(LAG, STEPS_A, (n,), generator=generator)
    sign = torch.randint(0, 2, (n,), generator=generator) * 2.0 - 1 if signs else torch.ones(n)
    a, row = torch.zeros(n, STEPS_A, 2), torch.arange(n)
    a[row, tau] = torch.stack([sign, torch.ones(n)], dim=1)
    slots = {name: Slot(x, row >= 0, torch.ones(x.shape[:2], dtype=torch.bool), None, True) for name, x in (("a", a), ("b", b[:, :, None]))}
    return slots, (sign * b[row, tau - LAG] > 0).long(), tau


def fit(model: nn.Module, updates: int, rows: int, signs: bool, seed: int) -> None:
    """Adam on fresh rows."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(updates):
        slots, y, _ = planted(rows, signs, generator)
        optimiser.zero_grad()
        F.cross_entropy(model(slots), y).backward()
        optimiser.step()


def judged(models: dict[str, nn.Module], signs: bool, fresh: torch.Generator) -> dict[str, Any]:
    """Accuracies on the same fresh rows, and how much more of them MulT names."""
    slots, y, _ = planted(TESTED, signs, fresh)
    with torch.no_grad():
        said = {name: model.eval()(slots).argmax(dim=1).numpy() for name, model in models.items()}
    out: dict[str, Any] = {"accuracy": {name: float((answer == y.numpy()).mean()) for name, answer in said.items()}}
    accuracy: Callable[..., float] = lambda truth, answer: float(np.mean(truth == answer))  # noqa: E731
    for name in ("concatenation", "late"):
        found = paired_difference(accuracy, y.numpy(), said["mult"], said[name], rng=np.random.default_rng(SEED), repeats=500)
        out[f"mult minus {name}"] = {"difference": found.estimate, "low": found.low, "high": found.high}
    return out


def lag_found(model: nn.Module, signs: bool, fresh: torch.Generator) -> dict[str, Any]:
    """The lag that maps name, without knowing it: the map whose lags agree best on half of the rows speaks for the others.

    A map names a lag in a row as the distance from tau to the step of b that counts: to which tau looks (b in a), which looks at tau
    most (a in b), or to which the last step of b looks (b in b), where the answer of b is read once its steps have met a. Beside the
    weights stands their relevance (:func:`mcgurk.nn.look.relevance`), there summed over all steps that looked at b.
    """
    slots, _, tau = planted(TESTED, signs, fresh)
    fusion: MulT = model[0].fusion  # type: ignore[index, assignment, union-attr]
    with recording() as seen:
        scores = model.eval()(slots)
        counts = relevance(seen, (scores.amax(dim=1) - scores.mean(dim=1)).sum())
    read = {"attention": _readings(fusion.looks(slots, seen), tau, every=False)}
    read["relevance"] = _readings(fusion.looks(slots, counts), tau, every=True)
    return {what: named(lags) for what, lags in read.items()}


def named(lags: dict[str, np.ndarray]) -> dict[str, Any]:
    """The lag of the reading that agrees best with itself on the first half of the rows, and how many of the others say the same."""
    half = TESTED // 2
    best = max(lags, key=lambda name: np.unique(lags[name][:half], return_counts=True)[1].max())
    values, counts = np.unique(lags[best][:half], return_counts=True)
    lag = int(values[counts.argmax()])
    return {"lag": lag, "in": best, "share_of_other_rows": float((lags[best][half:] == lag).mean())}


def _readings(looks: list[Look], tau: Tensor, *, every: bool) -> dict[str, np.ndarray]:
    """Reading -> the lag it names in each row."""
    maps = {(look.target, look.source): look.weights.detach()[:, 0] for look in looks}  # (B, heads, T_target, T_source)
    row = torch.arange(len(tau))
    read = {"b in a": maps["a", "b"][row, :, tau], "a in b": maps["b", "a"][row, :, :, tau], "b in b": maps["b", "b"][:, :, -1]}
    out = {f"{where}, head {h + 1}": (tau - w[:, h].argmax(dim=1)).numpy() for where, w in read.items() for h in range(w.shape[1])}
    if every:
        out |= {f"b in {t}, all steps": (tau - maps[t, "b"].sum(dim=(1, 2)).argmax(dim=1)).numpy() for t in ("a", "b")}
    return out


def _mult() -> nn.Module:
    fusion = MulT(width=16, heads=2, depth=1, memory=1, dropout=0.0)
    fusion.build({"a": SlotSpec((2,), True), "b": SlotSpec((1,), True)})
    return nn.Sequential(_Layer(fusion), nn.Linear(fusion.out.width, 2))


class _Layer(nn.Module):
    """A fusion layer's values."""

    def __init__(self, fusion: MulT) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(self, slots: dict[str, Slot]) -> Tensor:
        return self.fusion(slots).values


class _Means(nn.Module):
    """Means over steps side by side, then a network."""

    def __init__(self) -> None:
        super().__init__()
        self.network = mlp((3, 64, 2), last=True)

    def forward(self, slots: dict[str, Slot]) -> Tensor:
        return self.network(torch.cat([slot.values.mean(dim=1) for slot in slots.values()], dim=1))


class _Late(nn.Module):
    """A network for each mean; their decisions averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = mlp((2, 64, 2), last=True), mlp((1, 64, 2), last=True)

    def forward(self, slots: dict[str, Slot]) -> Tensor:
        return (self.a(slots["a"].values.mean(dim=1)) + self.b(slots["b"].values.mean(dim=1))) / 2


MODELS: dict[str, Callable[[], nn.Module]] = {"mult": _mult, "concatenation": _Means, "late": _Late}
