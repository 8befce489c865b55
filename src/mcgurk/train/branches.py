"""Does one modality learn while another sleeps? Gradients and probes of every branch, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.functional.ridge import ridge_path
from mcgurk.nn.batch import Batch, Slot
from mcgurk.train.callbacks import Callback
from mcgurk.train.loader import Loader
from mcgurk.train.objective import Step
from mcgurk.train.profile import spread
from mcgurk.train.supervised import Supervised

if TYPE_CHECKING:
    import pandas as pd

    from mcgurk.train.loop import Loop

ALPHAS = tuple(10.0**k for k in range(-3, 4))


class Branches(Callback):
    """For every modality and epoch: how hard the loss pulls at its branch, and what a linear probe can tell from that branch alone.

    ``pull = mean over rows of |dL/dz_m|`` with z_m what the branch hands to the fusion layer and L the loss of the row, without dropout;
    ``gradient = |dL/dtheta_m|`` over the parameters of the branch's encoder, NaN where it has none. The probe is ridge regression on z_m
    (means over steps), its penalty by generalised cross-validation, fitted on training rows and scored on the held-out rows of early
    stopping, or where there are none on training rows it did not see: accuracy for classes, mean accuracy over labels, R² for numbers.

    A branch whose pull dies while its probe stays low has been starved by a quicker one: try ``modality_dropout``, a rate of its own in
    ``optim``, or ``fusion="staged"``. One whose probe is low from first to last has little to say.

    When not to use it: to choose epochs or methods (its rows are those of early stopping); in timings.

    Args:
        rows: of the training rows and of the held-out rows, that are looked at each epoch.

    Raises:
        DataError: C02, what is trained is no supervised network with a fusion layer and a single task.

    Source: the imbalance it shows: Wang, Tran, Feiszli 2020, What makes training multi-modal classification networks hard?, CVPR; Peng,
        Wei, Deng, Wang, Hu 2022, Balanced multimodal learning via on-the-fly gradient modulation, CVPR.

    Example:
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.datasets import make_uniqueness
        >>> from mcgurk.train import Branches, watching
        >>> branches = Branches()
        >>> with watching(branches):
        ...     _ = FusionClassifier("concat", epochs=2).fit(*make_uniqueness(n=300))
        >>> branches.to_frame()[["epoch", "modality"]].values.tolist()
        [[0, 'a'], [0, 'b'], [1, 'a'], [1, 'b']]
    """

    def __init__(self, *, rows: int = 512) -> None:
        self.rows = rows
        self.lines: list[dict[str, Any]] = []

    def epoch_end(self, loop: Loop) -> None:
        objective = loop.objective
        if not isinstance(objective, Supervised) or objective.target.parts:
            raise DataError(
                f"{type(objective).__name__} is trained, but branches can be told apart in a supervised network with a fusion layer and a "
                "single task; leave Branches out here",
                code="C02",
            )
        objective.eval()
        train, held = _some(loop.loader, self.rows), None if loop.valid is None else _some(loop.valid, self.rows)
        pulls, gradients = _pulls(objective, train, loop)
        probes = _probes(objective, train, held)
        for name in objective.encoders.names():
            self.lines.append(
                {"epoch": loop.epoch, "modality": name, "pull": pulls[name], "gradient": gradients[name], "probe": probes[name]}
            )

    def to_frame(self) -> pd.DataFrame:
        """One line an epoch and modality."""
        import pandas as pd

        return pd.DataFrame(self.lines, columns=["epoch", "modality", "pull", "gradient", "probe"])


def _some(loader: Loader, most: int) -> Batch:
    """Rows evenly over all of them, the same in every epoch."""
    return loader.batch(spread(len(loader), most))


def _pulls(objective: Supervised, batch: Batch, loop: Loop) -> tuple[dict[str, float], dict[str, float]]:
    """Gradients of the loss at what the branches give, and in their parameters; no ``grad`` is touched."""
    given: dict[str, Slot] = {}

    def keep(_: Any, inputs: tuple[Any, ...]) -> tuple[dict[str, Slot]]:
        for name, slot in inputs[0].items():
            values = slot.values if slot.values.requires_grad else slot.values.detach().requires_grad_()
            given[name] = slot.with_values(values)
        return (given,)

    trained = {name: [p for p in objective.encoders[name].parameters() if p.requires_grad] for name in objective.encoders.names()}
    handle = objective.fusion.register_forward_pre_hook(keep)
    try:
        with torch.enable_grad():
            terms = objective.loss(batch, objective.phases()[-1].name, Step(loop.epoch, 0, lambda: loop.noise("branches")))
            wanted: list[Tensor] = [slot.values for slot in given.values()] + [p for several in trained.values() for p in several]
            slopes = iter(torch.autograd.grad(torch.stack(list(terms.values())).sum(), wanted, allow_unused=True))
    finally:
        handle.remove()
    pulls = {name: _per_row(next(slopes), slot) for name, slot in given.items()}
    gradients = {name: _norm([next(slopes) for _ in several]) for name, several in trained.items()}
    return pulls, gradients


def _per_row(slope: Tensor | None, slot: Slot) -> float:
    """Mean length over the rows that have the modality, of the gradient of a row's own loss."""
    if slope is None or not bool(slot.present.any()):
        return 0.0
    return float(slope.flatten(1).norm(dim=1)[slot.present].mean()) * len(slope)


def _norm(slopes: list[Tensor | None]) -> float:
    known = [slope.square().sum() for slope in slopes if slope is not None]
    return float(torch.stack(known).sum().sqrt()) if known else float("nan")


def _probes(objective: Supervised, train: Batch, held: Batch | None) -> dict[str, float]:
    with torch.no_grad():
        slots, others = objective.encode(train), None if held is None else objective.encode(held)
    y, target = _targets(train, objective.target), objective.target
    out = {}
    for name, slot in slots.items():
        x, here = _vectors(objective.vector(name, slot))
        fit = here & ~np.isnan(y).any(axis=1)
        if others is None or held is None:
            test = fit & (np.arange(len(fit)) % 4 == 3)
            out[name] = _told(x[fit & ~test], y[fit & ~test], x[test], y[test], target)
        else:
            z, there = _vectors(objective.vector(name, others[name]))
            truth = _targets(held, target)
            there = there & ~np.isnan(truth).any(axis=1)
            out[name] = _told(x[fit], y[fit], z[there], truth[there], target)
    return out


def _vectors(slot: Slot) -> tuple[np.ndarray, np.ndarray]:
    return slot.values.flatten(1).cpu().double().numpy(), slot.present.cpu().numpy()


def _targets(batch: Batch, target: TargetSpec) -> np.ndarray:
    """(n, k) numbers, of classes a column each; NaN where unlabelled."""
    assert batch.y is not None
    y = batch.y.cpu().numpy()
    if target.task != "classes":
        return np.asarray(y, dtype=np.float64)
    out = np.eye(target.columns)[np.maximum(y, 0)]
    out[y < 0] = np.nan
    return out


def _told(x: np.ndarray, y: np.ndarray, z: np.ndarray, truth: np.ndarray, target: TargetSpec) -> float:
    """How well ridge regression of y on x tells the truth from z."""
    if len(x) < 3 or not len(z):
        return float("nan")
    path = ridge_path(x, y, ALPHAS)
    best = int(path.gcv.mean(axis=1).argmin())
    said = z @ path.coef[best].T + path.intercept[best]
    if target.task == "classes":
        return float((said.argmax(axis=1) == truth.argmax(axis=1)).mean())
    if target.task == "multilabel":
        return float(((said > 0.5) == (truth > 0.5)).mean())
    scatter = ((truth - truth.mean(axis=0)) ** 2).sum()
    return float(1 - ((said - truth) ** 2).sum() / scatter) if scatter else float("nan")
