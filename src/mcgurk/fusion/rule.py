"""Decision fusion by a fixed or weighted rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mcgurk.data.target import Target
from mcgurk.errors import DataError
from mcgurk.functional import calibrate, pools
from mcgurk.functional import decisions as rules
from mcgurk.fusion.decision import Decision, DecisionFusion, log_proba, stacked
from mcgurk.run import Run

LEAST = -690.0
NUMBER_RULES = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}


class Rule(DecisionFusion):
    """A rule of Kittler et al. or an opinion pool on decisions; absent ones are left out by selection, weights renormalise.

    product: ``log q = -(M-1) log prior + sum_m log p_m``; sum, mean, max, min, median, vote, borda; linear pool ``sum_m w_m p_m``; log pool
    ``prod_m p_m^{w_m}``. For numbers: mean, median, min, max, or with ``weights="fit"`` the minimum-variance average ``S^-1 1 / (1' S^-1
    1)``.

    Not for: uncalibrated decisions with product-like rules (set ``calibrate=True``).

    Args:
        name: a rule of :data:`mcgurk.functional.decisions.RULES`, or for classes and labels a function of the same signature, which cannot
            be saved.
        weights: None, a dict from input name to weight, or "fit": least out-of-fold loss (the pools "linear" and "log", and mean for
            numbers).
        calibrate: one temperature a unit, from out-of-fold decisions.

    Shapes: M decisions (n, k) -> (n, k).

    Source: Kittler, Hatef, Duin, Matas 1998, IEEE TPAMI 20:226-239; Genest, Zidek 1986, Statistical Science; Bates, Granger 1969; Guo et
        al. 2017, ICML.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data.target import encode_target
        >>> from mcgurk.fusion import Rule
        >>> from mcgurk.fusion.decision import Decision
        >>> rule = Rule("mean")
        >>> _ = rule.fit({}, encode_target(["u", "v"], "classifier").with_statistics(), None, np.arange(2), None, None)
        >>> parts = {"a": Decision(np.log([[0.7, 0.3]]), np.array([True])), "b": Decision(np.log([[0.5, 0.5]]), np.array([True]))}
        >>> np.exp(rule.combine(parts, None).scores).round(2).tolist()
        [[0.6, 0.4]]
    """

    def __init__(self, name: str | Callable[..., np.ndarray] = "mean", *, weights: Any = None, calibrate: bool = False) -> None:
        self.name = name
        self.weights = weights
        self.calibrate = calibrate

    @property
    def learns(self) -> bool:  # type: ignore[override]
        return self.calibrate or isinstance(self.weights, str)

    def fit(
        self,
        decisions: Mapping[str, Decision],
        y: Target,
        weight: np.ndarray | None,
        groups: np.ndarray,
        run: Run,
        offsets: np.ndarray | None,
    ) -> Rule:
        super().fit(decisions, y, weight, groups, run, offsets)
        known = NUMBER_RULES if y.spec.task in ("number", "count") else rules.RULES
        if self.name not in known and (known is NUMBER_RULES or not callable(self.name)):
            raise DataError(f"Rule({self.name!r}) is not known for a {y.spec.task} target; there are {', '.join(known)}")
        if self.calibrate and y.spec.task != "classes":
            raise DataError(f"calibrate=True scales the decisions of classes, not of a {y.spec.task} target; leave it out")
        self.temperatures_ = {n: self._temperature(d, y) for n, d in decisions.items()} if self.calibrate else {}
        self.weights_ = self._weights(decisions, y)
        return self

    def _temperature(self, decision: Decision, y: Target) -> float:
        rows = decision.present & (y.values >= 0)
        return float(calibrate.fit_temperature(decision.scores[rows], y.values[rows])) if rows.sum() > 1 else 1.0

    def _weights(self, decisions: Mapping[str, Decision], y: Target) -> dict[str, float] | None:
        if self.weights is None:
            return None
        if isinstance(self.weights, Mapping):
            return {str(k): float(v) for k, v in self.weights.items()}
        if self.weights != "fit":
            raise DataError(f"weights={self.weights!r}; expected None, 'fit' or a dict from input name to weight")
        names = list(decisions)
        if y.spec.task == "number":
            scores, present = stacked(decisions)
            rows = present.all(axis=1) & y.labelled
            return dict(
                zip(names, pools.fit_forecast_weights(scores[rows].mean(axis=2), y.values[rows].mean(axis=1)).tolist(), strict=True)
            )
        if y.spec.task != "classes" or self.name not in ("linear", "log"):
            raise DataError(
                "weights='fit' is for the pools 'linear' and 'log' of classes, and for mean of numbers; choose one of them or Stacking()"
            )
        logp, present = self._logp(decisions)
        rows = y.labelled & present.any(axis=1)
        fitted = pools.fit_pool_weights(logp[rows], y.values[rows], present[rows], kind=self.name)
        return dict(zip(names, fitted.tolist(), strict=True))

    def _logp(self, decisions: Mapping[str, Decision]) -> tuple[np.ndarray, np.ndarray]:
        scores, present = stacked(decisions)
        for m, name in enumerate(decisions):
            scores[:, m] = scores[:, m] / self.temperatures_.get(name, 1.0)
        n, M, k = scores.shape
        scores = np.where(present[:, :, None], scores, 0.0)
        return log_proba(scores.reshape(n * M, k), "classes").reshape(n, M, k), present

    def combine(self, decisions: Mapping[str, Decision], offsets: np.ndarray | None) -> Decision:
        unknown = [n for n in self.weights_ or () if n not in decisions]
        if unknown:
            raise DataError(f"weights names {unknown[0]!r}, which is no input of the rule; inputs are {', '.join(decisions)}")
        weights = None if self.weights_ is None else np.array([self.weights_.get(n, 0.0) for n in decisions])
        task = self.target_.task
        scores, present = stacked(decisions)
        some = np.any(present, axis=1)
        if task in ("number", "count"):
            return Decision(self._numbers(scores, present, weights), some)
        if task == "classes":
            logp, present = self._logp(decisions)
            return Decision(self._apply(logp, present, np.asarray(self.target_.prior), weights), np.any(present, axis=1))
        n, M, L = scores.shape
        logp = log_proba(np.where(present[:, :, None], scores, 0.0).reshape(n * M, L), "multilabel").reshape(n, M, L, 2)
        out = np.empty((n, L))
        for j in range(L):
            share = float(np.clip(self.target_.prior[j], 1e-6, 1 - 1e-6))
            part = self._apply(logp[:, :, j], present, np.array([1 - share, share]), weights)
            out[:, j] = part[:, 1] - part[:, 0]
        return Decision(out, some)

    def _apply(self, logp: np.ndarray, present: np.ndarray, prior: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """(n, C) log-probabilities, what a rule excludes altogether at ``LEAST``: scores are finite."""
        rule = self.name if callable(self.name) else rules.RULES[self.name]
        return np.maximum(rule(logp, present, prior=prior, weights=weights), LEAST)

    def _numbers(self, scores: np.ndarray, present: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        here = present[:, :, None]
        if weights is not None:
            w = np.where(here, weights[None, :, None], 0.0)
            total = w.sum(axis=1)
            return np.where(here, scores * w, 0.0).sum(axis=1) / np.where(np.abs(total) > 1e-12, total, 1.0)
        reduce: Any = {"mean": np.nanmean, "median": np.nanmedian, "min": np.nanmin, "max": np.nanmax}[str(self.name)]
        filled = np.where(here, scores, np.nan)
        out = np.zeros((len(scores), scores.shape[2]))
        some = present.any(axis=1)
        out[some] = reduce(filled[some], axis=1)
        return out
