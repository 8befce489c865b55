"""Dempster-Shafer evidence: masses on sets of classes, reliability, and their combination.

A mass function is a dict from a bitmask (bit k: class k is in the set) to a positive mass; the masses sum to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float

Mass = Mapping[int, float]


def combine(first: Mass, second: Mass, n_classes: int, *, rule: str = "dempster") -> tuple[dict[int, float], float]:
    """Combine two independent bodies of evidence; returns the combined masses and the conflict K.

    ``m(A) = sum_{B and C = A} m1(B) m2(C) / (1 - K)``, K the product mass that falls on the empty set. ``rule="yager"`` does not divide but
    gives K to the full set: conflict becomes ignorance.

    Not for: dependent sources (evidence is counted twice); strong conflict under Dempster's rule (Zadeh's example below): use Yager's,
    or discount first.

    Raises:
        DataError: masses that are not a mass function, an unknown rule, or total conflict under Dempster's rule (K = 1).

    Source: Shafer 1976, A Mathematical Theory of Evidence, chapter 3; Yager 1987, Information Sciences 41:93-137.

    Example:
        >>> m, K = combine({0b001: 0.99, 0b010: 0.01}, {0b100: 0.99, 0b010: 0.01}, 3)
        >>> {k: round(v, 6) for k, v in m.items()}, round(K, 4)
        ({2: 1.0}, 0.9999)
    """
    if rule not in ("dempster", "yager"):
        raise DataError(f"rule is {rule!r}; expected 'dempster' or 'yager'")
    full = (1 << n_classes) - 1
    joint: dict[int, float] = {}
    for a, mass_a in _checked(first, full).items():
        for b, mass_b in _checked(second, full).items():
            joint[a & b] = joint.get(a & b, 0.0) + mass_a * mass_b
    conflict = joint.pop(0, 0.0)
    if rule == "yager":
        if conflict:
            joint[full] = joint.get(full, 0.0) + conflict
        return dict(sorted(joint.items())), conflict
    total = sum(joint.values())
    if total <= 0.0:
        raise DataError("the two bodies of evidence contradict each other completely (K = 1); discount them, or use rule='yager'")
    return {a: mass / total for a, mass in sorted(joint.items())}, conflict


def discount(mass: Mass, reliability: float, n_classes: int) -> dict[int, float]:
    """Shafer's discounting: ``m'(A) = a m(A)``, and ``1 - a`` goes to the full set.

    Example:
        >>> discount({0b01: 1.0}, 0.75, 2)
        {1: 0.75, 3: 0.25}
    """
    if not 0.0 <= reliability <= 1.0:
        raise DataError(f"reliability is {reliability!r}; expected a number between 0 and 1")
    full = (1 << n_classes) - 1
    out = {a: reliability * m for a, m in _checked(mass, full).items()}
    out[full] = out.get(full, 0.0) + 1.0 - reliability
    return {a: m for a, m in sorted(out.items()) if m > 0.0}


def belief(mass: Mass, subset: int) -> float:
    """Mass of everything inside ``subset``: what the evidence proves.

    Example:
        >>> belief({0b01: 0.75, 0b11: 0.25}, 0b01)
        0.75
    """
    return float(sum(m for a, m in mass.items() if a & ~subset == 0))


def plausibility(mass: Mass, subset: int) -> float:
    """Mass of everything that meets ``subset``: what the evidence does not rule out.

    Example:
        >>> plausibility({0b01: 0.75, 0b11: 0.25}, 0b10)
        0.25
    """
    return float(sum(m for a, m in mass.items() if a & subset))


def pignistic(mass: Mass, n_classes: int) -> Float:
    """Probabilities (C,) that share each mass equally among the classes of its set (Smets 1990).

    Example:
        >>> pignistic({0b01: 0.75, 0b11: 0.25}, 2)
        array([0.875, 0.125])
    """
    out = np.zeros(n_classes)
    for a, m in _checked(mass, (1 << n_classes) - 1).items():
        members = [k for k in range(n_classes) if a >> k & 1]
        out[members] += m / len(members)
    return out


def dempster(logp: Any, present: Any, *, prior: Any | None = None, weights: Any | None = None) -> Float:
    """Dempster's rule as a late-fusion rule: each modality's probabilities, discounted by its reliability, combined over classes.

    Modality m puts ``a_m p_mk`` on class k and ``1 - a_m`` on the full set; then
    ``m(k) ~ prod_m (a_m p_mk + 1 - a_m) - prod_m (1 - a_m)``, and the mass left on the full set is shared as the prior. With all
    reliabilities 1 (the default) it is the product rule under a uniform prior.

    Not for: reliabilities that were not estimated on held-out rows.

    Args:
        logp: (n, M, C) log-probabilities.
        present: (n, M) bool.
        prior: (C,); uniform where None.
        weights: (M,) reliabilities a in [0, 1].

    Raises:
        DataError: total conflict in a row, reliabilities outside [0, 1], shapes that disagree.

    Source: Shafer 1976, chapters 3 and 11; Xu, Krzyzak, Suen 1992, IEEE SMC 22:418-435.

    Example:
        >>> import numpy as np
        >>> p = np.log([[[0.9, 0.1], [0.2, 0.8]]])
        >>> np.exp(dempster(p, np.ones((1, 2), bool), weights=[0.9, 0.5])).round(4)
        array([[0.7811, 0.2189]])
    """
    logp, present, log_prior = _check.decisions(logp, present, prior)
    a = np.ones(logp.shape[1]) if weights is None else _check.vector(weights, "weights", logp.shape[1])
    if (a < 0).any() or (a > 1).any():
        raise DataError(f"reliabilities run from {a.min():g} to {a.max():g}; expected numbers between 0 and 1")
    with np.errstate(divide="ignore"):
        log_a, log_rest = np.log(a), np.log1p(-a)
    clean = np.where(present[:, :, None], logp, 0.0)
    either = np.logaddexp(log_a[:, None] + clean, np.broadcast_to(log_rest[:, None], clean.shape))
    together = np.where(present[:, :, None], either, 0.0).sum(axis=1)  # log (m(k) + m(full)) before normalisation
    ignorance = np.where(present, log_rest, 0.0).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.where(np.isfinite(ignorance), ignorance - together, -np.inf)
        single = together + np.log(-np.expm1(np.minimum(gap, 0.0)))
    single = np.where(np.isneginf(together), -np.inf, single)
    scores = np.logaddexp(single, ignorance + log_prior)
    total = special.logsumexp(scores, axis=1, keepdims=True)
    if not np.isfinite(total).all():
        row = int(np.flatnonzero(~np.isfinite(total[:, 0]))[0])
        raise DataError(f"the modalities of row {row} contradict each other completely (K = 1); give reliabilities below 1")
    out: Float = scores - total
    return out


def _checked(mass: Mass, full: int) -> Mass:
    total = sum(mass.values())
    if not mass or min(mass.values()) < 0.0 or abs(total - 1.0) > 1e-9 or min(mass) < 1 or max(mass) > full:
        raise DataError(f"masses {dict(mass)} are not a mass function; expected sets 1 to {full} with masses >= 0 that sum to 1")
    return mass
