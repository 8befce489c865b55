"""Accuracy against the level of noise, one panel a task and regime, for the documentation."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks._curves import STEADY

COLORS = ("#777777", "#b45309", "#2e7d32", "#1f5fa8", "#7b1fa2", "#c2185b")
MARKS = ("s", "D", "^", "o", "v", "x")
APART = 0.07  # of a level, so that intervals do not hide one another


def drawn(figures: Mapping[str, Any], regimes: Sequence[str], methods: Sequence[str]) -> str:
    """The figures of :mod:`benchmarks.grid_noise` as an SVG text."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    tasks = ("letters", "digits")
    with matplotlib.rc_context(STEADY | {"font.size": 9, "axes.titlesize": 10}):
        figure = Figure(figsize=(8.4, 6.4), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplots(len(tasks), len(regimes), sharex=True, sharey="row", squeeze=False)
        for row, task in enumerate(tasks):
            for column, regime in enumerate(regimes):
                _panel(panels[row, column], figures[task][regime], figures["levels"], methods)
                panels[row, column].set_title(f"{task}, {regime}")
            panels[row, 0].set_ylabel("words right, %")
        for panel in panels[-1]:
            panel.set_xlabel("speech over white noise")
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(methods), frameon=False)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _panel(panel: Any, part: Mapping[str, Any], levels: Sequence[str], methods: Sequence[str]) -> None:
    places = np.arange(len(levels))
    for number, method in enumerate(methods):
        found = {key: np.array(values) for key, values in part[method].items()}
        shift = places + APART * (number - (len(methods) - 1) / 2)
        reach = np.maximum([found["estimate"] - found["low"], found["high"] - found["estimate"]], 0)
        panel.errorbar(
            shift,
            found["estimate"],
            yerr=reach,
            color=COLORS[number],
            marker=MARKS[number],
            markersize=4,
            linewidth=1.3,
            elinewidth=0.8,
            linestyle="--" if number < 2 else "-",
            label=method,
        )
    panel.set_xticks(places, levels)
    panel.grid(axis="y", color="#e5e5e5", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
