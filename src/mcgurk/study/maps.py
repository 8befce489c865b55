"""Maps of what a model looked at, as a result: a long table, a summary of where the weight lies, a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Ends:
    """The steps of one side of a map.

    Args:
        number: (T,) int64 places in the sequence, from 0; -1 for a step that the layer put in front, such as a summary.
        time: (T,) seconds, or None.
        latent: whether they are the layer's own, and stand nowhere.
    """

    number: np.ndarray
    time: np.ndarray | None = None
    latent: bool = False


@dataclass(frozen=True, eq=False)
class Map:
    """How much of ``source`` entered each step of ``target`` in one row; see :class:`mcgurk.nn.look.Look`.

    Args:
        row: place among the predictions.
        part: the fusion layer's place in the model.
        kind, target, source, joint: as in Look.
        weights, relevance: (layers, heads, T_target, T_source), valid steps only.
        steps, keys: the two sides.
    """

    row: int
    part: str
    kind: str
    target: str
    source: str
    joint: bool
    weights: np.ndarray
    relevance: np.ndarray
    steps: Ends
    keys: Ends

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What it shares with the same map of other rows."""
        return self.part, self.kind, self.target, self.source

    def mean(self, layer: int | None = None, head: int | None = None, *, relevance: bool = False) -> np.ndarray:
        """(T_target, T_source) mean over layers and heads, or over those of one number, counted from 1."""
        found = self.relevance if relevance else self.weights
        found = found if layer is None else found[layer - 1 : layer]
        found = found if head is None else found[:, head - 1 : head]
        out: np.ndarray = found.mean(axis=(0, 1), dtype=np.float64)
        return out

    @property
    def lags(self) -> tuple[np.ndarray, str] | None:
        """(T_target, T_source) how far keys stand after steps, and its unit; None where either side is no sequence."""
        lengths = [0 if ends.latent else int((ends.number >= 0).sum()) for ends in (self.steps, self.keys)]
        if not self.target or min(lengths) < 2:
            return None
        if self.steps.time is not None and self.keys.time is not None:
            return self.keys.time[None] - self.steps.time[:, None], "s"
        out = (self.keys.number[None] - self.steps.number[:, None]).astype(np.float64)
        return np.where((self.keys.number[None] < 0) | (self.steps.number[:, None] < 0), np.nan, out), "steps"


@dataclass(frozen=True, eq=False)
class Attention(Result):
    """Where a model looked for each prediction.

    Attention shows where the model looked, not what the prediction rests on; ``erasure`` says how far the two agree here.

    Args:
        ids: (n,) row of each prediction; with a label a step a row has several.
        row: (n,) its number.
        prediction: (n,) label or number.
        value: (n,) probability of the predicted label, or the number.
        maps: of all rows.
        words: column -> names of its steps in each row, where the encoder can tell.
        erasure: what masking the most attended tenth of a column's steps does, against random tenths; None where it was not asked for.
    """

    ids: np.ndarray
    row: np.ndarray
    prediction: np.ndarray
    value: np.ndarray
    maps: tuple[Map, ...]
    words: Mapping[str, Sequence[Sequence[str] | None]] = field(default_factory=dict)
    erasure: pd.DataFrame | None = None

    def to_frame(self, *, layer: int | None = None, head: int | None = None) -> pd.DataFrame:
        """One line a step and key: id, prediction, target, source, kind, step, time, key, key_time, weight, relevance, and words if any.

        Args:
            layer, head: one of them, counted from 1; default the mean over all.
        """
        import pandas as pd

        return pd.concat([self._lines(m, layer, head) for m in self.having(layer, head)], ignore_index=True)

    def _lines(self, m: Map, layer: int | None, head: int | None) -> pd.DataFrame:
        import pandas as pd

        t, k = len(m.steps.number), len(m.keys.number)
        blank = np.full(max(t, k), np.nan)
        step, key = np.repeat(np.arange(t), k), np.tile(np.arange(k), t)
        columns: dict[str, Any] = {
            "id": np.repeat(self.ids[m.row : m.row + 1], t * k),
            "prediction": self.prediction[m.row],
            "part": m.part,
            "kind": m.kind,
            "target": m.target,
            "source": m.source,
            "step": m.steps.number[step],
            "time": (blank[:t] if m.steps.time is None else m.steps.time)[step],
            "key": m.keys.number[key],
            "key_time": (blank[:k] if m.keys.time is None else m.keys.time)[key],
            "weight": m.mean(layer, head).ravel(),
            "relevance": m.mean(layer, head, relevance=True).ravel(),
        }
        for name, side, ends, index in (("word", m.target, m.steps, step), ("key_word", m.source, m.keys, key)):
            if self.words:
                columns[name] = self.named(side, m.row, ends)[index]
        return pd.DataFrame(columns)

    def named(self, column: str, row: int, ends: Ends) -> np.ndarray:
        """(T,) names of steps, "" where there is none."""
        found = self.words[column][int(self.row[row])] if column in self.words and not ends.latent else None
        return np.array([found[i] if found is not None and 0 <= i < len(found) else "" for i in ends.number], dtype=object)

    def having(self, layer: int | None = None, head: int | None = None) -> list[Map]:
        """The maps that have this layer and head.

        Raises:
            DataError: C02, none has.
        """
        found = list(self.maps)
        for number, axis, what in ((layer, 0, "layer"), (head, 1, "head")):
            if number is not None:
                most = max((m.weights.shape[axis] for m in found), default=0)
                if not 1 <= number <= most:
                    raise DataError(f"{what} {number} was asked for; the maps have {what}s 1 to {most}", code="C02")
                found = [m for m in found if number <= m.weights.shape[axis]]
        return found

    def pairs(self, layer: int | None = None, head: int | None = None) -> dict[tuple[str, str, str, str], list[Map]]:
        """(part, kind, target, source) -> its maps of all rows; what crosses modalities first."""
        out: dict[tuple[str, str, str, str], list[Map]] = {}
        for m in sorted(self.having(layer, head), key=lambda m: m.target == m.source):
            out.setdefault(m.name, []).append(m)
        return out

    def summary(self, *, layer: int | None = None, head: int | None = None) -> pd.DataFrame:
        """One line a map: how much weight, how far from its step, how sharply.

        Returns:
            share: mean weight a step, where modalities share one sum of 1. lag: mean distance of what was looked at, positive where it
            comes later; peak: the distance at which most weight lies above an even spread; relevant: that at which most relevance lies;
            unit: "s" or "steps". entropy: of the weights of a step over that of even weights, 1 where it looked everywhere alike.
        """
        import pandas as pd

        pairs = self.pairs(layer, head).items()
        return pd.DataFrame([{**dict(zip(NAMES, name, strict=True)), **_reading(maps, layer, head)} for name, maps in pairs])

    def plot(self, row: int = 0, *, layer: int | None = None, head: int | None = None) -> Any:
        """Heat maps of one prediction, what crosses modalities first; where modalities have no steps, bars of mean weights. The figure."""
        from mcgurk.study.map_pictures import figure

        return figure(self, row, layer, head)


NAMES = ("part", "kind", "target", "source")


def _reading(maps: Sequence[Map], layer: int | None, head: int | None) -> dict[str, Any]:
    """Share, lags and entropy of one map over all rows."""
    total = mass = distance = 0.0
    entropies: list[float] = []
    profile, relevant, unit = _Profile(), _Profile(), ""
    steps = 0
    for m in maps:
        w = m.mean(layer, head)
        sums = w.sum(axis=1)
        total, steps = total + sums.sum(), steps + len(sums)
        lags = m.lags
        if lags is not None:
            apart, unit = lags
            known = np.isfinite(apart)
            mass, distance = mass + w[known].sum(), distance + float((w * np.where(known, apart, 0.0))[known].sum())
            profile.add(apart, w)
            relevant.add(apart, m.mean(layer, head, relevance=True))
        if w.shape[1] > 1 and m.kind != "gate":
            p = w[sums > 0] / sums[sums > 0, None]
            entropies += (-(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1) / np.log(w.shape[1])).tolist()
    shared = maps[0].joint or maps[0].kind == "gate"
    return {
        "share": total / max(steps, 1) if shared and len(maps) else np.nan,
        "lag": distance / mass if mass else np.nan,
        "peak": profile.top,
        "relevant": relevant.top,
        "unit": unit,
        "entropy": float(np.mean(entropies)) if entropies else np.nan,
        "rows": len(maps),
    }


class _Profile:
    """Weight by distance: what lies there, less what an even spread would put there."""

    def __init__(self) -> None:
        self.found: dict[float, float] = {}

    def add(self, apart: np.ndarray, weights: np.ndarray) -> None:
        known = np.isfinite(apart)
        sums = np.where(known, weights, 0.0).sum(axis=1, keepdims=True)
        even = sums / np.maximum(known.sum(axis=1, keepdims=True), 1)
        places, index = np.unique(np.round(apart[known], 2), return_inverse=True)
        for place, gain in zip(places, np.bincount(index, (weights - even)[known], len(places)), strict=True):
            self.found[float(place)] = self.found.get(float(place), 0.0) + float(gain)

    @property
    def top(self) -> float:
        """The distance with the largest gain; NaN where there is none."""
        best = max(self.found, key=lambda place: self.found[place], default=np.nan)
        return best if self.found.get(best, 0.0) > 0 else np.nan
