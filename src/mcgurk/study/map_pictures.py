"""Attention maps as matplotlib pictures, for notebooks and papers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.errors import DataError

if TYPE_CHECKING:
    from mcgurk.study.maps import Attention, Ends, Map

MOST = 6
"""Heat maps in a figure."""
TICKS = 12
"""Labels on an axis."""


def figure(found: Attention, row: int, layer: int | None, head: int | None) -> Any:
    """Heat maps of prediction ``row``, dark where much weight lies; without steps a bar a source with the mean and range of all rows.

    Raises:
        DataError: C02, no such prediction.
    """
    import matplotlib.pyplot as plt

    if not 0 <= row < len(found.ids):
        raise DataError(f"prediction {row} was asked for; there are {len(found.ids)}, counted from 0", code="C02")
    here = [m for m in found.having(layer, head) if m.row == row and m.weights.shape[2] and m.weights.shape[3] > 1]
    if not here:
        return _bars(found, layer, head)
    here = sorted(here, key=lambda m: m.target == m.source)[:MOST]
    columns = min(len(here), 3)
    lines = -(-len(here) // columns)
    made, axes = plt.subplots(lines, columns, figsize=(3.6 * columns, 3.2 * lines), layout="constrained", squeeze=False)
    for ax, m in zip(axes.flat, here, strict=False):
        _heat(ax, found, m, layer, head)
    for ax in axes.flat[len(here) :]:
        ax.set_axis_off()
    made.suptitle(f"row {found.ids[row]}: {found.prediction[row]} ({found.value[row]:.3g})", fontsize=9)
    return made


def _heat(ax: Any, found: Attention, m: Map, layer: int | None, head: int | None) -> None:
    weights = m.mean(layer, head)
    picture = ax.imshow(weights, cmap="Blues", vmin=0.0, aspect="auto", interpolation="nearest", origin="upper")
    ax.figure.colorbar(picture, ax=ax, shrink=0.8).ax.tick_params(labelsize=6)
    ax.set_title(f"{m.target or 'row'} looks at {m.source}" + (f" ({m.part})" if len({o.part for o in found.maps}) > 1 else ""), fontsize=8)
    for axis, side, ends in ((ax.xaxis, m.source, m.keys), (ax.yaxis, m.target, m.steps)):
        labels, unit = _labels(found, m, side, ends)
        places = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), TICKS)).round().astype(int))
        axis.set_ticks(places, [labels[i] for i in places], fontsize=6)
        axis.set_label_text(f"{side}{unit}", fontsize=7)
    if any(len(label) > 5 for label in _labels(found, m, m.source, m.keys)[0]):
        ax.tick_params(axis="x", rotation=60)


def _labels(found: Attention, m: Map, side: str, ends: Ends) -> tuple[list[str], str]:
    """A label a step, and what they are."""
    words = found.named(side, m.row, ends)
    if any(words):
        return [str(word) for word in words], ""
    if ends.time is not None and np.isfinite(ends.time).any():
        return ["·" if np.isnan(t) else f"{t:.3g}" for t in ends.time], ", seconds"
    if ends.latent:
        return [str(i) for i in ends.number], ", latents"
    return ["·" if i < 0 else str(i) for i in ends.number], ", steps" if len(ends.number) > 1 else ""


def _bars(found: Attention, layer: int | None, head: int | None) -> Any:
    import matplotlib.pyplot as plt

    groups = {
        " ".join(part for part in (name[0], name[3]) if part): [float(m.mean(layer, head).sum()) for m in maps]
        for name, maps in found.pairs(layer, head).items()
    }
    made, ax = plt.subplots(figsize=(4.5, 0.7 + 0.35 * len(groups)), layout="constrained")
    means = np.array([np.mean(values) for values in groups.values()])
    low, high = (np.array([np.quantile(values, q) for values in groups.values()]) for q in (0.05, 0.95))
    place = np.arange(len(groups))[::-1]
    ax.barh(place, means, color="#9ec1e6", height=0.6)
    ax.hlines(place, low, high, color="#1f5fa8", linewidth=1.4)
    ax.set_yticks(place, list(groups))
    ax.set_xlim(0, 1)
    ax.set_xlabel(f"mean weight over {len(found.ids)} rows, with the range of nine in ten")
    ax.spines[["top", "right", "left"]].set_visible(False)
    return made
