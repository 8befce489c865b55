"""A table's cells as one vector: numbers, categories, dates, flags, and what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Field
from mcgurk.data.target import skewness
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder

_TRANSFORMS = (None, "log", "quantile", "auto")


class TabularEncoder(Encoder):
    """Every field of a table as one or more numbers, with everything learned from training rows.

    number, flag   x, a missing cell as the training median m, and a column "is missing" where a training cell was. With ``transform="log"``
                   asinh((x - m) / s), s = half the interquartile range; with "quantile" the normal score Phi^-1(F(x)) of the training
                   distribution F; with "auto" ln x for fields whose training cells are positive, right-skewed (skewness > 0.5) and less
                   skewed after it (a later cell that is not positive counts as the smallest training cell), and the asinh for other fields
                   with a cell further than 10 interquartile ranges from m.
    category       one column a level; levels of fewer than ``rare`` rows, and those beyond ``max_levels``, share one column; a missing cell
                   and a level not seen in training are all zeros.
    date           days, year, cos and sin of the place in the year and in the week (and in the day where dates carry a time).

    Not for text or identifiers: a level per row says nothing about the next row. Numbers keep their scale; the estimator standardises.

    Args:
        transform: "auto", None, "log" or "quantile"; see above. Trees do not need it, and are not harmed.
        rare: rows a level must have to get a column of its own.
        max_levels: levels of a field that get a column of their own, the most frequent first.

    Shapes: Dense (n, p) with fields -> Dense (n, len(names_)) float64.

    Attributes:
        names_: what each output column is, such as "area", "zip=94501", "rating is missing".

    Raises:
        DataError: a column that is no table, or other fields than those it was fitted on.

    Source: normal scores: Conover 1999, Practical Nonparametric Statistics, 3rd ed., section 5.10.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dense, Field
        >>> from mcgurk.encoders import TabularEncoder
        >>> fields = (Field("size"), Field("color", "category", ("red", "blue")))
        >>> table = Dense(np.array([[1.0, 0], [3.0, 1], [np.nan, 0]]), None, "tabular", fields)
        >>> encoder = TabularEncoder(rare=1)
        >>> encoder.prepare_fit(table)
        >>> encoder.names_
        ('size', 'size is missing', 'color=red', 'color=blue')
        >>> encoder.prepare(table).values.tolist()
        [[1.0, 0.0, 1.0, 0.0], [3.0, 0.0, 0.0, 1.0], [2.0, 1.0, 1.0, 0.0]]
    """

    kinds = ("tabular",)
    version = 2
    cached = False

    def __init__(self, *, transform: str | None = "auto", rare: int = 2, max_levels: int = 50) -> None:
        super().__init__()
        self.transform = transform
        self.rare = rare
        self.max_levels = max_levels

    def prepare_fit(self, column: Column) -> None:
        if self.transform not in _TRANSFORMS:
            raise DataError(f"transform={self.transform!r} was given; expected one of {', '.join(map(repr, _TRANSFORMS))}")
        table = _table(column)
        cells = table.values[table.present]
        self.plan_ = [self._learn(field, cells[:, j]) for j, field in enumerate(table.fields or ())]
        self.names_ = tuple(name for plan in self.plan_ for name in plan["names"]) or ("(nothing observed)",)

    def prepare(self, column: Column) -> Dense:
        table = _table(column)
        given = [(f.name, f.kind) for f in table.fields or ()]
        fitted = [(p["field"], p["kind"]) for p in self.plan_]
        if given != fitted:
            raise DataError(
                f"the table has the fields {given[:6]}, but {fitted[:6]} were fitted on; give the same fields in the same order"
            )
        cells = np.where(table.present[:, None], table.values, np.nan)
        blocks = [_encode(plan, cells[:, j]) for j, plan in enumerate(self.plan_)]
        values = np.concatenate([np.zeros((len(table), 0)), *blocks], axis=1)
        if not values.shape[1]:
            values = np.zeros((len(table), 1))
        return Dense(np.where(table.present[:, None], values, 0.0), table.present, "vector")

    def _learn(self, field: Field, cells: np.ndarray) -> dict[str, Any]:
        seen = cells[~np.isnan(cells)]
        plan: dict[str, Any] = {"field": field.name, "kind": field.kind}
        if field.kind == "category":
            return {**plan, **self._levels(field, seen)}
        plan["center"] = float(np.median(seen)) if len(seen) else 0.0
        plan["flag"] = bool(len(seen) < len(cells))
        if field.kind == "date":
            plan["hours"] = bool((seen != np.floor(seen)).any())
            circles = ["month", "weekday", *(["hour"] if plan["hours"] else [])]
            parts = ["days", "year", *(f"{circle} {wave}" for circle in circles for wave in ("cos", "sin"))]
            names = [f"{field.name} {part}" for part in parts]
        else:
            names = [field.name]
            if field.kind == "number":
                plan.update(self._shape(seen, plan["center"]))
        return {**plan, "names": names + ([f"{field.name} is missing"] if plan["flag"] else [])}

    def _levels(self, field: Field, seen: np.ndarray) -> dict[str, Any]:
        codes, counts = np.unique(seen.astype(np.int64), return_counts=True)
        order = np.lexsort((codes, -counts))
        own = [int(codes[i]) for i in order[: self.max_levels] if counts[i] >= self.rare]
        pooled = sorted({int(c) for c in codes} - set(own))
        levels = [str(field.levels[c]) if c < len(field.levels) else str(c) for c in sorted(own)]
        return {
            "own": sorted(own),
            "pooled": pooled,
            "names": [f"{field.name}={v}" for v in levels] + ([f"{field.name}=(rare)"] if pooled else []),
        }

    def _shape(self, seen: np.ndarray, center: float) -> dict[str, Any]:
        if self.transform is None or not len(seen):
            return {}
        low, high = np.quantile(seen, [0.25, 0.75])
        spread = float(high - low) or float(seen.std()) or 1.0
        if self.transform == "quantile":
            return {"quantiles": np.quantile(seen, np.linspace(0, 1, min(1000, len(seen))))}
        if self.transform == "auto" and _wants_logarithm(seen):
            return {"floor": float(seen.min())}
        if self.transform == "auto" and np.abs(seen - center).max() <= 10 * spread:
            return {}
        return {"scale": spread / 2}


def _table(column: Column) -> Dense:
    if not isinstance(column, Dense) or column.fields is None:
        raise DataError(f"TabularEncoder reads a tabular column with fields; got a {type(column).__name__} column of kind {column.kind}")
    return column


def _wants_logarithm(seen: np.ndarray) -> bool:
    """Positive, with more than a handful of different values, skewed to the right, and less so after the logarithm."""
    return bool(seen.min() > 0 and len(np.unique(seen)) > 4 and skewness(seen) > max(0.5, abs(skewness(np.log(seen)))))


def _encode(plan: dict[str, Any], cells: np.ndarray) -> np.ndarray:
    missing = np.isnan(cells)
    if plan["kind"] == "category":
        codes = np.where(missing, -1, cells)
        blocks = [codes == code for code in plan["own"]] + ([np.isin(codes, plan["pooled"])] if plan["pooled"] else [])
        return np.stack(blocks, axis=1).astype(np.float64) if blocks else np.zeros((len(cells), 0))
    filled = np.where(missing, plan["center"], cells)
    if plan["kind"] == "date":
        block = _calendar(filled, plan["hours"])
        block[missing, 2:] = 0.0  # no place in the year is the middle one: the centre of the circle
    else:
        block = _shaped(plan, filled)[:, None]
    return np.concatenate([block, missing[:, None]], axis=1) if plan["flag"] else block


def _shaped(plan: dict[str, Any], values: np.ndarray) -> np.ndarray:
    if "floor" in plan:
        return np.log(np.maximum(values, plan["floor"]))
    if "scale" in plan:
        return np.arcsinh((values - plan["center"]) / plan["scale"])
    if "quantiles" in plan:
        from scipy.special import ndtri

        knots = np.asarray(plan["quantiles"])
        # the mean of the left and the right end of a tie, so that equal cells in training share the middle rank
        left = np.searchsorted(knots, values, side="left") + np.searchsorted(knots, values, side="right")
        smooth = np.interp(values, knots, np.arange(len(knots)))
        rank = np.where(np.isin(values, knots), (left - 1) / 2, smooth)
        return ndtri((rank + 0.5) / len(knots))
    return values


def _calendar(days: np.ndarray, hours: bool) -> np.ndarray:
    """Days since 1970-01-01 -> days, year, and points on the circles of the year, the week and the day."""
    whole = np.floor(days)
    dates = whole.astype("datetime64[D]")
    year = dates.astype("datetime64[Y]")
    first, length = year.astype("datetime64[D]"), (year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")
    turns = [(dates - first).astype(float) / length.astype(float), (whole + 3) % 7 / 7]
    turns += [days - whole] if hours else []
    circles = [circle(2 * np.pi * turn) for turn in turns for circle in (np.cos, np.sin)]
    return np.stack([days, year.astype(np.int64) + 1970.0, *circles], axis=1)
