"""The ranking as a matplotlib picture, for notebooks and papers; the report draws its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mcgurk.study.comparison import Comparison


def ranking(result: Comparison, ax: Any = None) -> Any:
    """Figure and interval of every contestant, best on top; the dashed line is the best single modality. Returns the axes."""
    import matplotlib.pyplot as plt

    table = result.table.iloc[::-1]
    ax = ax if ax is not None else plt.subplots(figsize=(6.5, 0.6 + 0.3 * len(table)), layout="constrained")[1]
    place = np.arange(len(table))
    reach = np.abs(table[["low", "high"]].to_numpy(dtype=float).T - table["score"].to_numpy(dtype=float))
    tone = ["#777777" if family == "baseline" else "#1f5fa8" for family in table["family"]]
    for i in place:
        ax.errorbar(table["score"].iloc[i], i, xerr=np.nan_to_num(reach[:, [i]]), fmt="o", color=tone[i], markersize=5, linewidth=1.4)
    single = table[table["family"] == "single"]
    if len(single):
        best = single["score"].max() if result.metric["greater"] else single["score"].min()
        ax.axvline(best, color="#b45309", linestyle="--", linewidth=1)
    ax.set_yticks(place, [f"{'▸ ' if name == result.recommended else ''}{label}" for name, label in zip(table["name"], table["label"])])
    ax.set_xlabel(f"{result.metric['label']} ({'higher' if result.metric['greater'] else 'lower'} is better), 95 % intervals")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax
