"""Curves of many methods as small panels, one picture a set, for the documentation."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcgurk.files import atomic_write

ACROSS = 6
COMPLETE, HOLES, BASELINE, BOUND = "#1f5fa8", "#b45309", "#777777", "#bbbbbb"
#: What would make the same figures another file: the moment, and random names of shapes.
STEADY = {"svg.hashsalt": "mcgurk", "svg.fonttype": "none", "font.size": 8, "axes.titlesize": 8}


def small_multiples(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """``folder/missing_<set>.svg`` for every set of :mod:`benchmarks.missing`'s figures."""
    out = []
    for name, part in figures.items():
        if isinstance(part, Mapping) and "methods" in part:
            path = folder / f"missing_{name}.svg"
            atomic_write(path, drawn(part, figures["shares"]))
            out.append(path)
    return out


def drawn(part: Mapping[str, Any], shares: Sequence[float]) -> str:
    """One set as an SVG text: a panel a method, the baseline in each."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    curves = {name: found for name, found in part["methods"].items() if name != "baseline"}
    low = min(min(found["complete"]["accuracy"]) for found in part["methods"].values())
    down = -(-len(curves) // ACROSS)
    with matplotlib.rc_context(STEADY):
        figure = Figure(figsize=(1.75 * ACROSS, 1.45 * down + 0.5), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplots(down, ACROSS, sharex=True, sharey=True, squeeze=False)
        for panel, (name, found) in zip(panels.flat, curves.items(), strict=False):
            _panel(panel, found, part, shares)
            panel.set_title(name)
            panel.set_ylim(max(0.0, low - 0.05), 1.0)
        for panel in panels.flat[len(curves) :]:
            panel.axis("off")
        figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        figure.supxlabel("probability that a cell of a test row is lost")
        figure.supylabel("accuracy")
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _panel(panel: Any, found: Mapping[str, Any], part: Mapping[str, Any], shares: Sequence[float]) -> None:
    if "bound" in part:
        panel.plot(shares, part["bound"], color=BOUND, linewidth=1, label="best possible")
    alone = part["methods"]["baseline"]["complete"]["accuracy"]
    panel.plot(shares, alone, color=BASELINE, linestyle="--", linewidth=1, label="best modality alone")
    for kind, tone, label in (("complete", COMPLETE, "trained on complete rows"), ("holes", HOLES, "trained on rows with holes")):
        panel.fill_between(shares, found[kind]["low"], found[kind]["high"], color=tone, alpha=0.12, linewidth=0)
        panel.plot(shares, found[kind]["accuracy"], color=tone, linewidth=1.5, label=label)
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_xticks([0.0, 0.25, 0.5, 0.75], ["0", ".25", ".5", ".75"])
