"""What methods return to a person: frozen, printable, convertible, with where they came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class Result:
    """Base: ``to_json`` from the fields, ``to_frame`` from each class."""

    def to_frame(self) -> pd.DataFrame:
        """The result as a pandas frame."""
        raise NotImplementedError

    def to_json(self) -> str:
        """The result as one JSON object; numbers keep their digits, NaN becomes null."""
        return json.dumps(plain(asdict(self) if is_dataclass(self) else vars(self)), indent=1)

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(border=0, float_format=lambda v: f"{v:.4g}")


def plain(value: Any) -> Any:
    """Nested results as what JSON holds: lists, dicts, str, finite numbers, bool, None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return [plain(row) for row in value.to_dict("records")]
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)


@dataclass(frozen=True, eq=False)
class Report(Result):
    """Figures with their circumstances.

    Args:
        table: a frame, one line a figure or a subject.
        scalars: the figures one would quote.
        settings: what was chosen.
        seed: of the run.
        source: method and paper.
        versions: of the packages the figures depend on.
    """

    table: pd.DataFrame
    scalars: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    source: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        return self.table

    def provenance(self) -> dict[str, Any]:
        """Everything needed to make the report again."""
        return {"settings": dict(self.settings), "seed": self.seed, "source": self.source, "versions": dict(self.versions)}


@dataclass(frozen=True, eq=False)
class Alignment(Result):
    """Which step of one sequence goes with which of another.

    Args:
        i, j: (K,) int64 steps of the first and the second sequence.
        weight: (K,) how much each pair counts (1 on a hard path).
        cost: total cost of the alignment.
        shape: lengths of the two sequences.
    """

    i: np.ndarray
    j: np.ndarray
    weight: np.ndarray
    cost: float
    shape: tuple[int, int]

    def to_frame(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame({"i": self.i, "j": self.j, "weight": self.weight})

    def matrix(self) -> np.ndarray:
        """(T_a, T_b) weights."""
        out = np.zeros(self.shape)
        np.add.at(out, (self.i, self.j), self.weight)
        return out

    def plot(self, ax: Any = None) -> Any:
        """Draw the path; returns the matplotlib axes."""
        import matplotlib.pyplot as plt

        ax = ax or plt.subplots(figsize=(4, 4))[1]
        ax.plot(self.j, self.i, color="black", linewidth=1)
        ax.set(
            xlabel="step of the second sequence",
            ylabel="step of the first sequence",
            xlim=(-0.5, self.shape[1] - 0.5),
            ylim=(-0.5, self.shape[0] - 0.5),
        )
        return ax


@dataclass(frozen=True, eq=False)
class Hits(Result):
    """Ranked answers to queries: (q, k) item numbers and their scores, best first."""

    items: np.ndarray
    scores: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        import pandas as pd

        q, k = self.items.shape
        rank = np.tile(np.arange(1, k + 1), q)
        return pd.DataFrame({"query": np.repeat(np.arange(q), k), "rank": rank, "item": self.items.ravel(), "score": self.scores.ravel()})


@dataclass(frozen=True, eq=False)
class Trace(Result):
    """The steps by which one row was answered."""

    steps: tuple[Mapping[str, Any], ...]
    answer: Any = None

    def to_frame(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(list(self.steps))
