"""Planted truth: a modality that recognises who is speaking, not what is said."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import along, check, normal_cdf
from mcgurk.errors import DataError
from mcgurk.seeding import generator


def make_group_leak(
    n: int = 1000, d: int = 10, groups: int = 50, strength: float = 1.0, closeness: float = 10.0, random_state: int = 0
) -> tuple[Dataset, np.ndarray]:
    """Every group (a speaker, a house, an advertiser) has one label. a holds the group's own random point, b honest evidence.

    a = closeness v_g + e with v_g ~ N(0, I) drawn without regard to the label; b = strength s + e along a hidden direction.

    Known answer for groups not seen in training: a .5, b Phi(strength), both Phi(strength). Where a split scatters a group's rows
    over training and test, a looks perfect: its nearest neighbour is of the same group (row-wise accuracy goes to 1).
    Labels alternate over groups, so half of them are positive; a's measured accuracy on new groups still scatters by 1/(2 sqrt(groups)).

    Args:
        n: rows, dealt to the groups in turn.
        d: features a modality.
        groups: number of groups, at least 2.
        strength: of the honest evidence in b.
        closeness: distance between groups against the scatter within one.
        random_state: the same seed gives the same groups and rows.

    Shapes:
        ``a``, ``b``: (n, d); X.rows["group"]: (n,) int; y: (n,) 0 or 1, constant within a group.

    Raises:
        DataError: S01 for n or d below 1, or fewer than 2 groups.

    Source: Saeb et al. 2017, The need to approximate the use-case in clinical machine learning, GigaScience 6(5).

    Example:
        >>> from mcgurk.datasets import make_group_leak
        >>> X, y = make_group_leak(n=6, groups=2)
        >>> X.rows["group"].tolist()
        [0, 1, 0, 1, 0, 1]
    """
    import pandas as pd

    check(n, d)
    if groups < 2:
        raise DataError(f"{groups} group cannot be split; give at least 2", code="S01")
    task, rng = generator(random_state, "group_leak", "task"), generator(random_state, "group_leak", "rows")
    member = np.arange(n) % groups
    labels = task.permutation(_alternating(groups))
    points = closeness * task.standard_normal((groups, d))
    s = labels[member]
    a = points[member] + rng.standard_normal((n, d))
    b = along(strength * s + rng.standard_normal(n), d, rng, task)
    return Dataset({"a": Dense(a), "b": Dense(b)}, rows=pd.DataFrame({"group": member})), (s > 0).astype(np.int64)


def _alternating(groups: int) -> np.ndarray:
    """-1, +1, -1, …: as many positive groups as negative ones."""
    return np.where(np.arange(groups) % 2 == 0, -1.0, 1.0)


def group_leak_answer(strength: float = 1.0) -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b`` on groups not seen in training."""
    honest = normal_cdf(abs(strength))
    return {"a": 0.5, "b": honest, "a+b": honest}
