"""Planted truth: the same two modalities with holes of each known kind."""

from __future__ import annotations

import math

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import along, check, normal_cdf, signs
from mcgurk.errors import UnknownName
from mcgurk.seeding import generator

MECHANISMS = ("mcar", "mar", "mnar", "modality")


def make_absence(
    mechanism: str = "mcar",
    n: int = 1000,
    d: int = 10,
    rate: float = 0.3,
    strength: float = 1.0,
    bias: float = 0.8,
    sites: int = 20,
    random_state: int = 0,
) -> tuple[Dataset, np.ndarray]:
    """Independent evidence t_a, t_b = strength s + e in both modalities; b is absent in about ``rate`` of the rows,
    for one of four reasons.

    - ``mcar``: by a coin, P = rate.
    - ``mar``: because of what a shows: P = rate + delta where t_a > 0, rate - delta elsewhere, delta = bias min(rate, 1 - rate).
    - ``mnar``: because of what b itself would have shown: the same with t_b.
    - ``modality``: whole sites never record b; site numbers are X.rows["group"].

    Known answer: Phi(strength) for a alone; b alone and both together are in :func:`absence_answer`. That b is absent says nothing under
    mcar and modality; under mar it tells something about s to who sees b alone; under mnar to everyone, so that there only a method that
    takes presence as an input reaches the bound.

    When not to use it: to prove a method robust. Real absence mixes the four.

    Args:
        mechanism: one of the four.
        n: rows.
        d: features a modality.
        rate: share of rows without b.
        strength: of the evidence in each modality.
        bias: how strongly absence depends on the evidence, 0 to 1 (mar, mnar).
        sites: number of sites (modality); round(rate sites) of them lack b.
        random_state: the same seed gives the same rows.

    Shapes:
        ``a``, ``b``: (n, d), ``b`` with ``present``; what stands in an absent row of b is 0; y: (n,) 0 or 1.

    Raises:
        UnknownName: a mechanism that is none of the four.
        DataError: S01 for n or d below 1; D00 for a rate or bias outside 0 to 1.

    Source: Rubin 1976, Inference and missing data, Biometrika 63:581-592 (the first three); closed forms are derived here.

    Example:
        >>> from mcgurk.datasets import make_absence
        >>> X, y = make_absence("mnar", n=1000, rate=0.4)
        >>> bool(0.35 < 1 - X["b"].present.mean() < 0.45)
        True
    """
    import pandas as pd

    check(n, d, rate=rate, bias=bias)
    check(sites, d)
    _check_mechanism(mechanism)
    task, rng = generator(random_state, "absence", "task"), generator(random_state, "absence", "rows")
    s = signs(n, rng)
    evidence = {name: strength * s + rng.standard_normal(n) for name in ("a", "b")}
    values = {name: along(t, d, rng, task) for name, t in evidence.items()}
    rows = None
    if mechanism == "modality":
        site = np.arange(n) % sites
        without = task.permutation(sites)[: round(rate * sites)]
        absent = np.isin(site, without)
        rows = pd.DataFrame({"group": site})
    else:
        cause = {"mcar": np.zeros(n), "mar": np.sign(evidence["a"]), "mnar": np.sign(evidence["b"])}[mechanism]
        absent = rng.random(n) < rate + bias * min(rate, 1 - rate) * cause
    b = np.where(absent[:, None], 0.0, values["b"])
    return Dataset({"a": Dense(values["a"]), "b": Dense(b, ~absent)}, rows=rows), (s > 0).astype(np.int64)


def absence_answer(mechanism: str = "mcar", rate: float = 0.3, strength: float = 1.0, bias: float = 0.8) -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b`` over all rows, presence of b being visible.

    Both together: (1 - rate) Phi(sqrt(2) strength) + rate Phi(strength) under mcar, mar and modality. With D = delta (2 Phi(strength) - 1),
    P(absent | s) = rate + s D under mar and mnar; under mnar the absent part is a decision between two Gaussians of masses (rate + D) / 2
    and (rate - D) / 2, under mar the seen part of b alone is one between (1 - rate - D) / 2 and (1 - rate + D) / 2.
    """
    _check_mechanism(mechanism)
    strength = abs(strength)
    alone, both = normal_cdf(strength), normal_cdf(math.sqrt(2) * strength)
    tilt = bias * min(rate, 1 - rate) * (2 * alone - 1) if mechanism in ("mar", "mnar") else 0.0
    absent = 0.5 * (rate + abs(tilt))
    seen_b = _two_gaussians(0.5 * (1 - rate - tilt), 0.5 * (1 - rate + tilt), strength) if mechanism == "mar" else (1 - rate) * alone
    unseen_b = _two_gaussians(0.5 * (rate + tilt), 0.5 * (rate - tilt), strength) if mechanism == "mnar" else rate * alone
    return {"a": alone, "b": seen_b + absent, "a+b": (1 - rate) * both + unseen_b}


def _two_gaussians(positive: float, negative: float, strength: float) -> float:
    """Mass classified rightly when classes of these masses have means +-strength and unit variance."""
    if min(positive, negative) <= 0 or strength == 0:
        return max(positive, negative)
    shift = math.log(positive / negative) / (2 * strength)
    return positive * normal_cdf(strength + shift) + negative * normal_cdf(strength - shift)


def _check_mechanism(mechanism: str) -> None:
    if mechanism not in MECHANISMS:
        raise UnknownName(f"mechanism {mechanism!r} is not known; expected one of {', '.join(MECHANISMS)}")
