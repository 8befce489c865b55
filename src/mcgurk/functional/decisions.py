"""Late fusion: rules that turn the modalities' log-probabilities of a row into one distribution.

Every rule is ``rule(logp (n, M, C), present (n, M), *, prior=None, weights=None) -> (n, C)`` normalised log-probabilities.
Absent modalities are left out by selection, so whatever stands in their place (NaN included) has no effect; a row without any gets the
prior; so does a row whose terms contradict each other so completely that no class is left. ``RULES`` holds them by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special, stats

from mcgurk.errors import DataError, McgurkWarning
from mcgurk.functional import _check
from mcgurk.functional._check import Bool, Float
from mcgurk.functional.evidence import dempster

Rule = Callable[..., Float]
_TIE = 1e-6  # share of the mean probability in a vote: breaks ties, never overturns a vote of practical size


def product(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Product rule: ``log q_k = sum_m log p_mk - (M_present - 1) log prior_k``, Bayes' rule for conditionally independent modalities.

    Not for: uncalibrated or strongly dependent decisions, which it counts twice (calibrate first, or use a pool).

    Args:
        logp: (n, M, C) log-probabilities.
        present: (n, M) bool.
        prior: (C,) class prior; uniform where None. A class of prior 0 gets probability 0.

    Raises:
        DataError: shapes disagree, NaN in a present place, or weights were given.

    Source: Kittler, Hatef, Duin, Matas 1998, IEEE TPAMI 20:226-239, eq. 7.

    Example:
        >>> import numpy as np
        >>> p = np.log([[[0.7, 0.2, 0.1], [0.4, 0.5, 0.1]]])
        >>> np.exp(product(p, np.ones((1, 2), bool))).round(6)
        array([[0.717949, 0.25641 , 0.025641]])
    """
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    count = present.sum(axis=1, keepdims=True)
    possible = np.isfinite(log_prior)
    evidence = _select(logp, present, 0.0).sum(axis=1) - (count - 1) * np.where(possible, log_prior, 0.0)
    return _finish(np.where(possible, evidence, -np.inf), log_prior)


def sum_rule(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Sum rule: ``q_k = (1 - M_present) prior_k + sum_m p_mk``, clipped at 0 (warning Q01) and renormalised.

    Kittler et al. 1998, eq. 11. With a uniform prior its arg-max is that of :func:`mean`.
    """
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    q = np.exp(_select(logp, present, -np.inf)).sum(axis=1) + (1 - present.sum(axis=1, keepdims=True)) * np.exp(log_prior)
    clipped = int((q < -1e-12).any(axis=1).sum())
    if clipped:
        message = f"the sum rule fell below 0 and was clipped in {clipped} of {len(q)} rows; the mean rule stays positive"
        warnings.warn(McgurkWarning(message, code="Q01"), stacklevel=2)
    return _finish(_log(np.maximum(q, 0.0)), log_prior)


def mean(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Mean of the present probabilities."""
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    return _finish(_logsumexp(_select(logp, present, -np.inf)), log_prior)


def maximum(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Largest present probability of each class, renormalised."""
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    return _finish(_select(logp, present, -np.inf).max(axis=1), log_prior)


def minimum(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Smallest present probability of each class, renormalised: a class survives only if nobody rules it out."""
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    smallest = _select(logp, present, np.inf).min(axis=1)
    return _finish(np.where(present.any(axis=1, keepdims=True), smallest, -np.inf), log_prior)


def median(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Median of the present probabilities (mean of the middle two), renormalised."""
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    ordered = np.sort(_select(logp, present, np.inf), axis=1)
    count = np.maximum(present.sum(axis=1), 1)
    rows = np.arange(len(logp))
    middle = np.logaddexp(ordered[rows, (count - 1) // 2], ordered[rows, count // 2])
    return _finish(np.where(present.any(axis=1, keepdims=True), middle, -np.inf), log_prior)


def vote(logp: Any, present: Any, *, prior: Any | None = None, weights: Any | None = None) -> Float:
    """Majority vote of the arg-max labels, weighted where ``weights (M,)`` are given: q is the share of votes.

    Ties go to the larger summed probability, then to the lower class, by mixing in 1e-6 of the mean probability.
    """
    logp, present, log_prior = _inputs(logp, present, prior, None)
    w = _pool_weights(weights, present)
    ballots = np.eye(logp.shape[2])[_select(logp, present, -np.inf).argmax(axis=2)]
    return _tally(ballots, w, logp, log_prior)


def borda(logp: Any, present: Any, *, prior: Any | None = None, weights: Any | None = None) -> Float:
    """Borda count: each modality gives a class as many points as classes it ranks below it (ties: the average); ties as :func:`vote`."""
    logp, present, log_prior = _inputs(logp, present, prior, None)
    w = _pool_weights(weights, present)
    points = stats.rankdata(_select(logp, present, 0.0), axis=2) - 1.0
    return _tally(points, w, logp, log_prior)


def linear_pool(logp: Any, present: Any, *, prior: Any | None = None, weights: Any | None = None) -> Float:
    """Linear opinion pool ``q = sum_m w_m p_m``; weights >= 0 are renormalised over the present modalities (default equal).

    Fit them with :func:`mcgurk.functional.pools.fit_pool_weights`. Source: Stone 1961; Genest, Zidek 1986, Statistical Science 1:114-135.
    """
    logp, present, log_prior = _inputs(logp, present, prior, None)
    w = _pool_weights(weights, present)
    return _finish(_logsumexp(_select(logp, w > 0, -np.inf) + _log(w)[:, :, None]), log_prior)


def logarithmic_pool(logp: Any, present: Any, *, prior: Any | None = None, weights: Any | None = None) -> Float:
    """Logarithmic opinion pool ``q_k ~ prod_m p_mk^{w_m}``; weights >= 0 are renormalised over the present modalities (default equal).

    With every exponent 1 it would be the product rule under a uniform prior. Source: Genest, Zidek 1986, Statistical Science 1:114-135.
    """
    logp, present, log_prior = _inputs(logp, present, prior, None)
    w = _pool_weights(weights, present)
    used = w > 0
    pooled = (_select(logp, used, 0.0) * w[:, :, None]).sum(axis=1)
    return _finish(np.where(used.any(axis=1, keepdims=True), pooled, -np.inf), log_prior)


def logical_and(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Binary detection (class 1): detected if every present modality's hard decision says so. The result is certain (0 or -inf)."""
    return _hard(logp, present, prior, weights, np.all)


def logical_or(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Binary detection (class 1): detected if any present modality's hard decision says so. The result is certain (0 or -inf)."""
    return _hard(logp, present, prior, weights, np.any)


def noisy_or(logp: Any, present: Any, *, prior: Any | None = None, weights: None = None) -> Float:
    """Binary detection (class 1): ``P(1) = 1 - prod_m (1 - p_m)``, independent detectors each of which suffices.

    Source: Pearl 1988, Probabilistic Reasoning in Intelligent Systems, section 4.3.2.
    """
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    _binary(logp)
    silent = np.minimum(_select(logp, present, 0.0)[:, :, 0].sum(axis=1), 0.0)
    with np.errstate(divide="ignore"):
        detected = np.log(-np.expm1(silent))
    joint = np.column_stack([silent, detected])
    return _finish(np.where(present.any(axis=1, keepdims=True), joint, -np.inf), log_prior)


RULES: dict[str, Rule] = {
    "product": product,
    "sum": sum_rule,
    "mean": mean,
    "max": maximum,
    "min": minimum,
    "median": median,
    "vote": vote,
    "borda": borda,
    "linear": linear_pool,
    "log": logarithmic_pool,
    "and": logical_and,
    "or": logical_or,
    "noisy_or": noisy_or,
    "dempster": dempster,
}
WEIGHTED = frozenset({"vote", "borda", "linear", "log", "dempster"})  # rules that take weights


def _inputs(logp: Any, present: Any, prior: Any | None, weights: Any | None) -> tuple[Float, Bool, Float]:
    if weights is not None:
        raise DataError(f"this rule takes no weights; the rules that do are {', '.join(sorted(WEIGHTED))}")
    return _check.decisions(logp, present, prior)


def _select(logp: Float, chosen: Bool, neutral: float) -> Float:
    return np.where(chosen[:, :, None], logp, neutral)


def _log(values: Float) -> Float:
    with np.errstate(divide="ignore"):
        out: Float = np.log(values)
    return out


def _logsumexp(terms: Float) -> Float:
    out: Float = special.logsumexp(terms, axis=1)
    return out


def _pool_weights(weights: Any | None, present: Bool) -> Float:
    w = np.ones(present.shape[1]) if weights is None else _check.vector(weights, "weights", present.shape[1])
    if (w < 0).any():
        raise DataError(f"weights hold {w.min():g}; expected numbers >= 0, one per modality")
    shared = np.where(present, w, 0.0)
    total = shared.sum(axis=1, keepdims=True)
    return np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)


def _tally(points: Float, w: Float, logp: Float, log_prior: Float) -> Float:
    share = (points * w[:, :, None]).sum(axis=1)
    total = share.sum(axis=1, keepdims=True)
    share = np.divide(share, total, out=np.zeros_like(share), where=total > 0)
    support = np.exp(_select(logp, w > 0, -np.inf)).sum(axis=1) / np.maximum((w > 0).sum(axis=1, keepdims=True), 1)
    return _finish(np.where(w.any(axis=1, keepdims=True), _log(share + _TIE * support), -np.inf), log_prior)


def _hard(logp: Any, present: Any, prior: Any | None, weights: Any | None, agree: Callable[..., Any]) -> Float:
    logp, present, log_prior = _inputs(logp, present, prior, weights)
    _binary(logp)
    says = _select(logp, present, 0.0)
    yes = np.where(present, says[:, :, 1] > says[:, :, 0], agree is np.all)  # the neutral element: True for all, False for any
    detected = agree(yes, axis=1)
    certain = _log(np.column_stack([~detected, detected]).astype(np.float64))
    return _finish(np.where(present.any(axis=1, keepdims=True), certain, -np.inf), log_prior)


def _binary(logp: Float) -> None:
    if logp.shape[2] != 2:
        raise DataError(f"detection rules need 2 classes (no, yes); {logp.shape[2]} were given: use product, mean or a pool")


def _finish(scores: Float, log_prior: Float) -> Float:
    """Normalise; rows in which nothing is left get the prior."""
    total = special.logsumexp(scores, axis=1, keepdims=True)
    lost = ~np.isfinite(total)
    return np.where(lost, log_prior, scores - np.where(lost, 0.0, total))
