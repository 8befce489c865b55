"""What ``compare`` returns: tables, sentences, pictures and a report, frozen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcgurk.results import Result, plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """The outcome of one study.

    Args:
        sentences: the verdict, in words.
        recommended: name of the contestant to use.
        metric: name, label, whether greater is better, and unit of the figure of merit.
        table: one line a contestant, best first: ``score`` with ``low`` and ``high``, ``gain`` over the best single modality (positive is
            better), ``over_baseline``, ``on_seen`` (the figure on the share
            ``seen`` of rows that have any of its modalities), seconds, parameters, bytes.
        worth: one line a modality and recipe: the same recipe with and without it.
        missing: one line a contestant and modality: the figure with that modality absent from every test row.
        per_class, per_group: where the recommended contestant is good and where not.
        folds: one line a contestant and fold.
        facts: of the data: rows, modalities, target, groups, leaks.
        plan: the plan, as stored.
        warnings: what was noticed: (code, sentence, contestants).
        failed: contestant -> (code, sentence).
        refused: fusion method that was asked for and could not enter -> why, in one sentence.
        model: path of the recommended model, where one was saved.
        versions: of the packages the figures depend on.
    """

    sentences: tuple[str, ...]
    recommended: str
    metric: Mapping[str, Any]
    table: pd.DataFrame
    worth: pd.DataFrame
    missing: pd.DataFrame
    per_class: pd.DataFrame
    per_group: pd.DataFrame
    folds: pd.DataFrame
    facts: Mapping[str, Any]
    plan: Mapping[str, Any]
    warnings: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    failed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    model: Path | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        return int(self.plan["settings"]["seed"])

    def to_frame(self) -> pd.DataFrame:
        """One line a contestant, best first."""
        return self.table

    def provenance(self) -> dict[str, Any]:
        """Everything needed to run the study again."""
        return {"plan": self.plan, "seed": self.seed, "versions": dict(self.versions)}

    def plot(self, ax: Any = None) -> Any:
        """Every contestant with its interval; the best single modality is the line. Returns the matplotlib axes."""
        from mcgurk.study.pictures import ranking

        return ranking(self, ax)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: one HTML file that needs nothing else."""
        from mcgurk.files import atomic_write
        from mcgurk.study.report import html

        atomic_write(path, html(self))
        return Path(path)

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        shown = self.table[["label", "score", "low", "high", "gain", "gain_low", "gain_high"]]
        said = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)
        return said + shown.to_html(border=0, index=False, na_rep="", float_format=lambda v: f"{v:.4g}")

    def body(self) -> dict[str, Any]:
        """Plain JSON values of everything."""
        names: Sequence[str] = (
            "sentences recommended metric table worth missing per_class per_group folds facts plan warnings failed refused model versions"
        ).split()
        return {name: plain(getattr(self, name)) for name in names}
