"""Are the steps a model looked at those its prediction rests on? Mask them and see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mcgurk.functional.bootstrap import bootstrap
from mcgurk.nn.batch import Batch, Slot
from mcgurk.roles import decided, log_probabilities
from mcgurk.seeding import generator
from mcgurk.study.maps import Map
from mcgurk.train.loader import Loader
from mcgurk.train.objective import Objective

if TYPE_CHECKING:
    import pandas as pd

TENTH = 0.1
LEAST = 5
"""Steps that a column needs in a row to take part: of fewer, a tenth is no tenth."""

COLUMNS = ["source", "rows", "attended", "relevant", "random", "difference", "low", "high"]
COLUMNS += ["relevant_difference", "relevant_low", "relevant_high"]


def erased(
    objective: Objective, loader: Loader, maps: Sequence[Map], target: Any, *, draws: int, seed: int, groups: np.ndarray | None = None
) -> pd.DataFrame:
    """For every column that keeps its steps: what happens to the prediction when the most attended tenth of them is masked.

    The attended score of a step is the weight it received from all steps of other modalities (from its own where no map crosses), summed;
    its relevance is summed over all maps. A drop is the fall in the probability of the predicted label, or the change of the predicted
    number; it is held against the mean drop of ``draws`` random tenths of the same row.

    When not to use it: as a measure of single steps, since a sequence with a hole is one the model has hardly seen in training.

    Returns:
        source, rows; attended, relevant, random: mean drops; difference of the first from the last with its 95 % interval (bootstrap over
        rows, or over ``groups`` of them), relevant_difference with its own. Empty with a label a step.

    Source: the erasure tests of Serrano, Smith 2019, Is attention interpretable?, ACL, with random steps as the measure.
    """
    import pandas as pd

    attended, relevant = _received(maps, crossing=True), _received(maps, relevance=True)
    lines = []
    for name in sorted({source for _, source in attended}) if target.per == "row" else ():
        rng = generator(seed, "erasure", name)
        rows = [row for row in range(len(loader)) if (row, name) in attended and len(attended[row, name]) >= LEAST]
        units = np.arange(len(loader))[rows] if groups is None else np.asarray(groups)[rows]
        if len(np.unique(units)) > 1:
            orders = [(attended[row, name], relevant[row, name]) for row in rows]
            drops = [_drops(objective, loader.batch(np.array([r])), name, o, target, draws, rng) for r, o in zip(rows, orders, strict=True)]
            lines.append({"source": name, "rows": len(rows), **_intervals(np.array(drops), units, rng)})
    return pd.DataFrame(lines, columns=COLUMNS)


def _received(maps: Sequence[Map], *, crossing: bool = False, relevance: bool = False) -> dict[tuple[int, str], np.ndarray]:
    """(row, column) -> what each of its valid steps received; with ``crossing``, from other modalities where there is such a map."""
    crossed = {m.source for m in maps if m.source != m.target} if crossing else set()
    found: dict[tuple[int, str], np.ndarray] = {}
    for m in maps:
        if m.kind == "gate" or m.keys.latent or (m.source == m.target and m.source in crossed):
            continue
        received = m.mean(relevance=relevance).sum(axis=0)[m.keys.number >= 0]
        found[m.row, m.source] = found.get((m.row, m.source), 0.0) + received
    return found


def _drops(
    objective: Objective, batch: Batch, name: str, orders: Sequence[np.ndarray], target: Any, draws: int, rng: np.random.Generator
) -> tuple[float, ...]:
    """Drops of one row without the first tenth of each order, and the mean drop without random tenths."""
    slot = batch.slots[name]
    assert slot.mask is not None
    valid = np.flatnonzero((slot.mask & slot.present[:, None])[0].cpu().numpy())
    count = max(1, round(TENTH * len(valid)))
    gone = [np.argsort(-order, kind="stable")[:count] for order in orders]
    gone += [rng.choice(len(valid), count, replace=False) for _ in range(draws)]
    masks = np.repeat(slot.mask.cpu().numpy(), 1 + len(gone), axis=0)
    for place, steps in enumerate(gone, start=1):
        masks[place, valid[steps]] = False
    slots = {other: _repeated(given, len(masks)) for other, given in batch.slots.items()}
    kept = torch.from_numpy(masks).to(slot.mask.device)
    slots[name] = Slot(slots[name].values, slots[name].present, kept, slots[name].times, False)
    with torch.no_grad():
        said = objective.outputs(Batch(slots)).cpu().double().numpy()
    drop = _fall(said, target)
    return (*(float(d) for d in drop[: len(orders)]), float(drop[len(orders) :].mean()))


def _repeated(slot: Slot, times: int) -> Slot:
    def more(part: Tensor | None) -> Tensor | None:
        return None if part is None else part.expand(times, *part.shape[1:])

    return Slot(more(slot.values), more(slot.present), more(slot.mask), more(slot.times), slot.full)  # type: ignore[arg-type]


def _fall(scores: np.ndarray, target: Any) -> np.ndarray:
    """(n - 1,) how far each row is from the first, in what the first predicts."""
    if target.task in ("classes", "multilabel"):
        probability = np.exp(log_probabilities(scores, target))[:, scores[0].argmax()]
        return probability[0] - probability[1:]
    number = np.asarray(decided(scores, target), dtype=np.float64).reshape(len(scores), -1)[:, 0]
    return np.abs(number[1:] - number[0])


def _intervals(drops: np.ndarray, units: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    out = dict(zip(("attended", "relevant", "random"), drops.mean(axis=0).tolist(), strict=True))
    for prefix, column in (("", 0), ("relevant_", 1)):
        found = bootstrap(partial(_mean, drops[:, column] - drops[:, 2]), len(drops), rng=rng, groups=units)
        out |= {f"{prefix}difference": found.estimate, f"{prefix}low": found.low, f"{prefix}high": found.high}
    return out


def _mean(values: np.ndarray, rows: np.ndarray) -> float:
    return float(values[rows].mean())
