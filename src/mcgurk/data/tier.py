"""One tier of an annotation: named, labelled intervals in seconds."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from mcgurk.errors import DataError


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tier:
    """Intervals [start, end) with a label each; an event without duration has ``end == start``.

    Args:
        name: the tier's name.
        start, end: seconds, float64 (n,).
        label: n strings.

    Raises:
        DataError: lengths differ.

    Example:
        >>> from mcgurk.data.tier import Tier
        >>> Tier("words", [0.0, 0.5], [0.4, 0.9], ["ba", "ga"])
        Tier('words', 2 intervals from 0.000 to 0.900 s)
    """

    name: str
    start: np.ndarray
    end: np.ndarray
    label: Sequence[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", np.asarray(self.start, dtype=np.float64).reshape(-1))
        object.__setattr__(self, "end", np.asarray(self.end, dtype=np.float64).reshape(-1))
        object.__setattr__(self, "label", tuple(str(text) for text in self.label))
        if not len(self.start) == len(self.end) == len(self.label):
            found = f"{len(self.start)} starts, {len(self.end)} ends and {len(self.label)} labels"
            raise DataError(f"tier {self.name!r} has {found}; give as many of each")

    def __len__(self) -> int:
        return len(self.label)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tier):
            return NotImplemented
        same = np.array_equal(self.start, other.start) and np.array_equal(self.end, other.end)
        return same and (self.name, self.label) == (other.name, other.label)

    def __repr__(self) -> str:
        span = f" from {self.start.min():.3f} to {self.end.max():.3f} s" if len(self) else "s"
        return f"Tier({self.name!r}, {len(self)} interval{'s' if len(self) > 1 else ''}{span})"


@dataclasses.dataclass(frozen=True, slots=True)
class MediaLink:
    """A medium that an annotation file names; ``path`` is None, with the reason, when it leads out of the corpus."""

    url: str
    path: os.PathLike[str] | None
    reason: str = ""


def collect(rows: list[tuple[str, float, float, str]]) -> list[Tier]:
    """Tiers from (name, start, end, label) rows, in order of first appearance."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    for name, start, end, label in rows:
        found.setdefault(name, []).append((start, end, label))
    return [Tier(n, np.array([r[0] for r in v]), np.array([r[1] for r in v]), [r[2] for r in v]) for n, v in found.items()]
