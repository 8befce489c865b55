"""Checks of embedders, aligners, generators, splitters and measures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.column import Lazy
from mcgurk.data.dataset import Dataset
from mcgurk.registry import Entry
from mcgurk.results import Alignment, Report
from mcgurk.testing import toys
from mcgurk.testing.conformance import Check, Failure, equal


def _pair() -> Dataset:
    X = toys.vectors(60, absent=False)
    return X.select(["a", "c"])


def _fit(cls: type, entry: Entry, X: Dataset) -> Any:
    return cls(**entry.small).fit(X)


def _after_store(model: Any) -> Any:
    from mcgurk.store import load

    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "m.mcgurk")
        return load(Path(folder) / "m.mcgurk")


def _flat(X: Dataset) -> np.ndarray:
    blocks = [c.values.reshape(len(c), -1).astype(float) for _, c in X.items() if not isinstance(c, Lazy)]
    return np.concatenate(blocks, axis=1)


def transforms(cls: type, entry: Entry) -> None:
    """transform returns a Dataset over the same rows; equal after save and load; the same bits from one seed and from reversed columns."""
    X = _pair()
    model = _fit(cls, entry, X)
    out = model.transform(X)
    if not isinstance(out, Dataset) or len(out) != len(X):
        raise Failure("transform does not return a Dataset over the same rows")
    equal(_flat(out), _flat(_after_store(model).transform(X)), "after save and load")
    equal(_flat(out), _flat(_fit(cls, entry, X).transform(X)), "two fits with one seed")
    turned = Dataset(dict(reversed(list(X.items()))))
    equal(_flat(out), _flat(_fit(cls, entry, turned).transform(turned)), "reversed columns")


def one_space(cls: type, entry: Entry) -> None:
    """Every modality is embedded in one space, alone too."""
    X = _pair()
    model = _fit(cls, entry, X)
    out = model.transform(X)
    if len({out[name].values.shape[1] for name in X.names}) != 1:
        raise Failure("modalities are embedded in spaces of different width")
    from dataclasses import replace

    alone = Dataset({"a": X["a"], "c": replace(X["c"], present=np.zeros(len(X), dtype=bool))})
    equal(out["a"].values, model.transform(alone)["a"].values, "a modality embedded alone", 1e-6)


def aligns(cls: type, entry: Entry) -> None:
    """A sequence aligned with itself costs nothing; results are Alignments."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 2)), rng.normal(size=(5, 2))
    model = cls(**entry.small)
    result = model.align(a, b)
    if not isinstance(result, Alignment) or result.shape != (7, 5):
        raise Failure("align does not return an Alignment of the given lengths")
    if abs(model.align(a, a).cost) > 1e-9:
        raise Failure("aligning a sequence with itself has a cost")


def generates(cls: type, entry: Entry) -> None:
    """generate repeats the given rows, names their source, fills what was absent, and repeats with a seed."""
    from dataclasses import replace

    X = _pair()
    model = _fit(cls, entry, X)
    holes = X["c"].present.copy()
    holes[::3] = False
    given = Dataset({"a": X["a"], "c": replace(X["c"], present=holes)})
    out = model.generate(given, "c", n=2, random_state=3)
    if len(out) != 2 * len(X) or out.rows is None or out.rows["source"].tolist() != np.repeat(np.arange(len(X)), 2).tolist():
        raise Failure("generate does not repeat the given rows in order with rows['source']")
    if not out["c"].present.all() or not np.isfinite(out["c"].values.astype(float)).all():
        raise Failure("generate leaves the asked modality absent or not finite")
    equal(out["c"].values, model.generate(given, "c", n=2, random_state=3)["c"].values, "two draws with one seed")
    equal(out["c"].values, _after_store(model).generate(given, "c", n=2, random_state=3)["c"].values, "after save and load")


def measures(cls: type, entry: Entry) -> None:
    """measure returns a Report with an interval or a null beside its figures."""
    from mcgurk import registry

    X = _pair()
    y = toys.labels(X, "classes")
    model = registry.find("fusion", "classifier")(fusion="early", encoders="precomputed").fit(X, y)
    report = cls(**entry.small).measure(model, X, y)
    if not isinstance(report, Report) or not len(report.table):
        raise Failure("measure does not return a Report")
    names = " ".join([*map(str, report.table.columns), *report.scalars])
    if not any(word in names for word in ("low", "high", "interval", "null", "error", "p_value")):
        raise Failure("the figures carry neither an interval nor a null")


EMBEDDER: dict[str, Check] = {"transforms": transforms, "one space": one_space}
SPLITTER: dict[str, Check] = {"transforms": transforms}
ALIGNER: dict[str, Check] = {"aligns": aligns}
GENERATOR: dict[str, Check] = {"generates": generates}
MEASURE: dict[str, Check] = {"measures": measures}
