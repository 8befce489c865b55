"""Interaction regressions: is the effect of one modality different where another is high? Estimates with standard errors, and tests."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from mcgurk.base import Estimator, FitData
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, McgurkWarning, UnknownName, listing
from mcgurk.functional.interactions import FORMS, Interactions, all_pairs, design_matrix, fit_interactions, intervals
from mcgurk.results import Report
from mcgurk.roles import Classifier, Predictor, Regressor, prior_scores
from mcgurk.run import Run, versions
from mcgurk.train import features

SOURCE = "additive and multiplicative regression; Aiken, West 1991, Multiple Regression: Testing and Interpreting Interactions"
PLAIN = {"tabular": ("tabular", {"transform": None})}
MOST_MODALITIES = 6
MOST_TERMS = 3000
MOST_COEFFICIENTS = 5000
"""Of one fit, over all classes; the solver's matrix has its square."""
COLUMNS = ("output", "term", "coordinates", "estimate", "error", "low", "high", "p_value")


class _Interaction(Predictor, Estimator):
    """What both share: a regression for every subset of the modalities, because an absent modality takes its main effects and its
    products out of the model and is never imputed.
    """

    form: str
    terms: Any
    ridge: float
    errors: str
    level: float
    encoders: Any
    counts: str = "poisson"

    def _fit(self, data: FitData, run: Run) -> None:
        if data.y is None or data.y.offsets is not None:
            raise DataError("an interaction regression needs one label a row; pool the sequences and their labels first")
        names = tuple(data.spec)
        if self.form not in FORMS or len(names) > MOST_MODALITIES:
            raise DataError(
                f"form={self.form!r} with {len(names)} modalities; expected one of {', '.join(FORMS)} and at most {MOST_MODALITIES}, "
                "because every subset of them gets a regression"
            )
        self.encoders_ = features.resolve(data.spec, _plain(self.encoders, {s.kind for s in data.spec.values()}, names))
        features.fit(self.encoders_, data.X, data.train_rows)
        blocks, present = features.arrays(features.prepare(self.encoders_, data.X, run))
        self.columns_ = {name: feature_names(name, self.encoders_[name], block.shape[1]) for name, block in blocks.items()}
        self.models_: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        rows = data.train_rows[data.y.labelled[data.train_rows]]
        for size in range(len(names), 0, -1):
            for subset in combinations(names, size):
                here = rows[present[rows][:, [names.index(n) for n in subset]].all(axis=1)]
                if len(here) >= 2:
                    self.models_[subset] = self._outputs(subset, blocks, here, data)
        if names not in self.models_:
            raise DataError(
                f"of n_samples={len(rows)} labelled rows no two have all of {listing(names)}; give rows that do, or leave a modality out",
                code="S01",
            )

    def _outputs(self, subset: tuple[str, ...], blocks: dict[str, np.ndarray], rows: np.ndarray, data: FitData) -> list[dict[str, Any]]:
        """One fit an output: the classes together, or every label or number apart."""
        assert data.y is not None
        X, pairs, values = self._columns(subset, blocks, rows), self.pairs(subset), data.y.values[rows]
        terms, sides = 1 + X.shape[1] + len(pairs), max(len(data.target.classes) - 1, 1) if data.target.task == "classes" else 1
        if terms * sides > MOST_COEFFICIENTS:
            raise DataError(
                f"{terms} terms for {sides + 1} classes are {terms * sides} coefficients on {len(rows)} rows; name the products of "
                f"interest in terms (at most {MOST_COEFFICIENTS} coefficients)"
            )
        out: list[dict[str, Any]] = []
        for truth in [values] if values.ndim == 1 else list(values.T):
            known = truth >= 0 if values.ndim == 1 else ~np.isnan(truth)
            seen = np.unique(truth[known])
            if known.sum() < 2 or (data.target.task in ("classes", "multilabel") and len(seen) < 2):
                out.append({})  # nothing to learn on these rows
                continue
            fit = fit_interactions(
                X[known],
                np.searchsorted(seen, truth[known]) if data.target.task in ("classes", "multilabel") else truth[known],
                pairs,
                form=self.form,
                family=self._family(data.target.task),
                ridge=self.ridge,
                errors=self.errors,
                weight=None if data.weight is None else data.weight[rows][known],
                groups=rows[known] if data.groups is None else data.groups[rows][known],
            )
            if subset == tuple(data.spec):
                self._warn(fit, known.sum())
            out.append(_facts(fit, int(known.sum()), seen))
        return out

    def _family(self, task: str | None) -> str:
        return {"number": "gaussian", "count": self.counts}.get(task or "", "multinomial")

    def _warn(self, fit: Interactions, n: int) -> None:
        if not fit.model.used.all():
            warnings.warn(
                McgurkWarning(
                    f"{int((~fit.model.used).sum())} of {len(fit.model.used)} terms are determined by the others on {n} rows and are left "
                    "out; name fewer products in terms, or set ridge above 0",
                    code="N05",
                ),
                stacklevel=6,
            )
        if not fit.model.converged:
            warnings.warn(
                McgurkWarning(
                    "some classes are separated perfectly, so that coefficients have no finite maximum; set ridge above 0", code="N06"
                ),
                stacklevel=6,
            )

    def _columns(self, subset: Sequence[str], blocks: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
        return np.concatenate([blocks[name][rows] for name in subset], axis=1)

    def pairs(self, subset: Sequence[str]) -> np.ndarray:
        """(q, 2) numbers of the features of these modalities that are multiplied."""
        names = [feature for name in subset for feature in self.columns_[name]]
        start = np.cumsum([0, *(len(self.columns_[name]) for name in subset)])
        blocks = [range(a, b) for a, b in pairwise(start)]
        if self.terms == "all":
            out = all_pairs(blocks)
        elif self.terms == "matched":
            if len({len(block) for block in blocks}) > 1:
                raise DataError(
                    f"terms='matched' multiplies features one by one, but widths are {[len(b) for b in blocks]}; choose 'all' or name pairs"
                )
            out = [pair for one, other in combinations(blocks, 2) for pair in zip(one, other, strict=True)]
        else:
            known = {feature for features_ in self.columns_.values() for feature in features_}
            unknown = [f for pair in self.terms for f in pair if f not in known]
            if unknown:
                raise UnknownName(f"terms names {unknown[0]!r}, which is no feature; there are {listing(sorted(known), 12)}")
            out = [(names.index(a), names.index(b)) for a, b in self.terms if a in names and b in names]
        if len(out) > MOST_TERMS:
            raise DataError(f"{len(out)} products of {len(names)} features; name the ones of interest in terms (at most {MOST_TERMS})")
        return np.array(out, dtype=np.int64).reshape(-1, 2)

    def _scores(self, X: Dataset) -> np.ndarray:
        blocks, present = features.arrays(features.prepare(self.encoders_, X))
        scores = np.tile(np.asarray(prior_scores(self.target_), dtype=np.float64), (len(X), 1))
        names = tuple(blocks)
        for pattern in np.unique(present, axis=0):
            subset = tuple(name for name, here in zip(names, pattern, strict=True) if here)
            rows = np.flatnonzero((present == pattern).all(axis=1))
            for model in self._best(subset):
                self._fill(scores, rows, model, self._columns(subset, blocks, rows), self.pairs(subset))
        return scores

    def _best(self, subset: tuple[str, ...]) -> list[tuple[int, dict[str, Any]]]:
        return [(i, model) for i, model in enumerate(self.models_.get(subset, [])) if model]

    def _fill(
        self, scores: np.ndarray, rows: np.ndarray, model: tuple[int, dict[str, Any]], columns: np.ndarray, pairs: np.ndarray
    ) -> None:
        """Scores of one output; classes that the fit has not seen stay at the prior."""
        output, facts = model
        eta = design_matrix(columns - facts["center"], pairs) @ facts["centred"].T
        if self.target_.task == "classes":
            scores[np.ix_(rows, facts["seen"].astype(np.int64))] = np.hstack([np.zeros((len(rows), 1)), eta])
        else:
            scores[rows, output] = eta[:, 0]

    def summary(self, modalities: Sequence[str] | None = None) -> Report:
        """Every coefficient in raw and centred coordinates, with its interval, and the test of the products.

        Args:
            modalities: a subset that some rows are limited to; default: the regression of all modalities.

        Returns:
            table: output, term, coordinates, estimate, error, low, high, p_value. scalars: for each output the interaction test's
            statistic, p_value, df and partial_r2 (NaN unless the form is "combined").
        """
        import pandas as pd

        subset = tuple(sorted(modalities)) if modalities is not None else tuple(self.spec_)
        if subset not in self.models_:
            raise UnknownName(f"no regression of {listing(subset)}; there are {listing(' + '.join(s) for s in self.models_)}")
        lines: list[dict[str, Any]] = []
        scalars: dict[str, float] = {}
        for output, facts in self._best(subset):
            labels, first = self._labels(output, facts), f"{output}: " if len(self.models_[subset]) > 1 else ""
            scalars |= {
                f"{first}interaction {name}": value
                for name, value in zip(("statistic", "p_value", "df", "residual df", "partial_r2"), facts["test"], strict=True)
            }
            for coordinates in ("raw", "centred"):
                estimate, error = facts[coordinates], facts[f"{coordinates}_error"]
                low, high, p = intervals(estimate, error, facts["df"], self.level)
                lines += [
                    dict(
                        zip(
                            COLUMNS,
                            (labels[k], term, coordinates, estimate[k, t], error[k, t], low[k, t], high[k, t], p[k, t]),
                            strict=True,
                        )
                    )
                    for k in range(len(estimate))
                    for t, term in enumerate(self._terms(subset))
                    if estimate[k, t] != 0 or error[k, t] != 0
                ]
        settings = {
            "form": self.form,
            "errors": self.errors,
            "level": self.level,
            "ridge": self.ridge,
            "rows": [m.get("n", 0) for m in self.models_[subset]],
        }
        return Report(pd.DataFrame(lines), scalars, settings, None, SOURCE, versions())

    def _terms(self, subset: Sequence[str]) -> list[str]:
        mains = [feature for name in subset for feature in self.columns_[name]]
        return ["(constant)", *mains, *(f"{mains[i]} x {mains[j]}" for i, j in self.pairs(subset))]

    def _labels(self, output: int, facts: dict[str, Any]) -> list[str]:
        target = self.target_
        if target.task == "classes":
            return [f"{target.classes[int(c)]} against {target.classes[int(facts['seen'][0])]}" for c in facts["seen"][1:]]
        return [str(target.classes[output]) if target.task == "multilabel" else f"y{output}" if target.columns > 1 else "y"]

    def parameters(self) -> int:
        """Number of coefficients, over the regressions of all subsets."""
        return sum(facts["centred"].size for models in self.models_.values() for facts in models if facts)


class InteractionClassifier(Classifier, _Interaction):
    """Logistic (two classes), multinomial (more) or several logistic regressions (labels) on main effects and products of modalities.

    ``logit = w_0 + W_1 x_1 + W_2 x_2 + W_12 (x_1 x_2)``; the interaction is tested by the likelihood ratio.

    Not for: prediction from wide features (the fusion layers "bilinear" and "lowrank" are made for it), or more terms than a tenth of the
    rows.

    Args:
        form: "additive" (main effects), "multiplicative" (products only) or "combined".
        terms: "all" products of features of different modalities, "matched" (first with first, second with second, ...), or pairs of
            feature names such as ``[("table.age", "voice[0]")]``, within a modality too.
        ridge: penalty on standardised columns, in units of rows; above 0 intervals are around the shrunken estimate.
        errors: "model", "hc3" (unequal variances; two classes only) or "cluster" (rows of one group depend on each other).
        level: of the intervals.
        encoders: choices by column or kind; by default tables keep their units.
        random_state: of encoders that draw.

    Shapes: M modalities (n, d_m) -> (n, classes); rows that lack a modality are predicted by a regression without its terms.

    Raises:
        DataError: form unknown, more than 6 modalities, more than 3000 products, labels per step.

    Source: Aiken, West 1991, Multiple Regression: Testing and Interpreting Interactions; likelihood: McCullagh, Nelder 1989.

    Example:
        >>> import numpy as np
        >>> from mcgurk.fusion import InteractionClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(400, 1)), "b": rng.normal(size=(400, 1))}
        >>> y = rng.random(400) < 1 / (1 + np.exp(-2 * X["a"][:, 0] * X["b"][:, 0]))
        >>> InteractionClassifier().fit(X, y).summary().scalars["interaction p_value"] < 0.001
        True
    """

    def __init__(
        self,
        form: str = "combined",
        *,
        terms: Any = "all",
        ridge: float = 0.0,
        errors: str = "model",
        level: float = 0.95,
        encoders: Any = None,
        task: str | None = None,
        random_state: Any = 0,
    ) -> None:
        self.form = form
        self.terms = terms
        self.ridge = ridge
        self.errors = errors
        self.level = level
        self.encoders = encoders
        self.task = task
        self.random_state = random_state


class InteractionRegressor(Regressor, _Interaction):
    """Least squares, or Poisson or negative binomial regression for counts, on main effects and products of modalities.

    ``z = w_0 + W_1 x_1 + W_2 x_2 + W_12 (x_1 x_2)``; the interaction is tested by the nested F test (counts: likelihood ratio).

    Not for: as :class:`InteractionClassifier`.

    Args:
        form, terms, ridge, errors, level, encoders, random_state: as :class:`InteractionClassifier`.
        counts: "poisson", or "negative_binomial" for counts that vary more than their mean; with ``task="count"``.

    Shapes: M modalities (n, d_m) -> (n,) or (n, k).

    Raises:
        DataError: as :class:`InteractionClassifier`.

    Source: Aiken, West 1991, Multiple Regression: Testing and Interpreting Interactions.

    Example:
        >>> import numpy as np
        >>> from mcgurk.fusion import InteractionRegressor
        >>> rng = np.random.default_rng(0)
        >>> a, b = rng.normal(size=(2, 100))
        >>> y = 1 + 2 * a + 3 * b - 1.5 * a * b + 0.1 * rng.normal(size=100)
        >>> model = InteractionRegressor().fit({"a": a[:, None], "b": b[:, None]}, y)
        >>> table = model.summary().table
        >>> table[table.coordinates == "raw"].set_index("term").estimate.round(1).to_dict()
        {'(constant)': 1.0, 'a': 2.0, 'b': 3.0, 'a x b': -1.5}
    """

    def __init__(
        self,
        form: str = "combined",
        *,
        terms: Any = "all",
        ridge: float = 0.0,
        errors: str = "model",
        level: float = 0.95,
        counts: str = "poisson",
        encoders: Any = None,
        task: str | None = None,
        target_transform: str | None = None,
        random_state: Any = 0,
    ) -> None:
        self.form = form
        self.terms = terms
        self.ridge = ridge
        self.errors = errors
        self.level = level
        self.counts = counts
        self.encoders = encoders
        self.task = task
        self.target_transform = target_transform
        self.random_state = random_state


def feature_names(column: str, encoder: Any, width: int) -> list[str]:
    """The column itself if it has one feature, ``column.field`` for tables, else ``column[i]``."""
    named = getattr(encoder, "names_", None)
    if named is not None and len(named) == width:
        return [f"{column}.{name}" for name in named]
    return [column] if width == 1 else [f"{column}[{i}]" for i in range(width)]


def _plain(encoders: Any, kinds: set[str], names: Sequence[str]) -> Any:
    """The given choices, tables in their own units unless chosen otherwise."""
    plain = {kind: choice for kind, choice in PLAIN.items() if kind in kinds}
    if encoders is None:
        return plain
    return {**plain, **encoders} if isinstance(encoders, dict) else dict.fromkeys(names, encoders)


def _facts(fit: Interactions, n: int, seen: np.ndarray) -> dict[str, Any]:
    """A fit as arrays and numbers, which is what a model file holds."""
    nan = float("nan")
    test = (
        (nan,) * 5
        if fit.test is None
        else (fit.test.statistic, fit.test.p_value, float(fit.test.df[0]), float(fit.test.df[1]), fit.test.partial_r2)
    )
    arrays = {key: getattr(fit, key) for key in ("center", "centred", "raw", "centred_error", "raw_error")}
    return {**arrays, "df": fit.df, "test": test, "seen": seen, "n": n}
