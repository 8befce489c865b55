"""Checks of fusion methods through FusionClassifier and FusionRegressor."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk import registry
from mcgurk.data.dataset import Dataset
from mcgurk.registry import Entry
from mcgurk.testing import toys
from mcgurk.testing.conformance import Check, Failure, Skip, equal


def _method(cls: type, entry: Entry) -> Any:
    if entry.role == "unit":
        return registry.find("fusion", "early")(cls(**entry.small))
    if cls.__name__ == "FusionGraph":
        raise Skip("a graph needs nodes; its recipes are checked")
    if cls.__name__ == "Single":
        return cls("a", **entry.small)
    return cls(**entry.small)


def _data(entry: Entry, n: int = 48, absent: bool = True) -> Dataset:
    return toys.sequences(n, absent=absent) if entry.wants == "sequence" else toys.vectors(n, absent=absent)


def _model(cls: type, entry: Entry, task: str, **changes: Any) -> Any:
    if entry.role in ("classifier", "regressor"):
        return cls(**entry.small)
    if entry.role == "multitask":
        return cls(**{**entry.small, **changes})
    family = registry.find("fusion", "classifier" if task in ("classes", "multilabel") else "regressor")
    encoders = {"vector": "precomputed"} | ({"series": "precomputed"} if entry.wants == "sequence" else {})
    options = {"epochs": 2, "hidden": (8,), "batch_size": 16, "patience": None, "encoders": encoders}
    return family(fusion=_method(cls, entry), task=task, **{**options, **changes})


def _labels(entry: Entry, X: Dataset, task: str) -> Any:
    return toys.tasks(X) if entry.role == "multitask" else toys.labels(X, task)


def _output(model: Any, X: Any, task: str) -> np.ndarray:
    if task == "several":
        numbers = [values for name, values in model.predict(X).items() if name not in model.classes_]
        blocks = [*model.predict_proba(X).values(), *numbers]
        return np.concatenate([np.asarray(block, dtype=float).reshape(len(block), -1) for block in blocks], axis=1)
    return model.predict_proba(X) if task in ("classes", "multilabel") else np.asarray(model.predict(X), dtype=float)


def _targets(entry: Entry) -> tuple[str, ...]:
    return ("several",) if entry.role == "multitask" else entry.targets or ("classes", "number")


def saved(cls: type, entry: Entry) -> None:
    """For every target the method serves: fit, predict, save, load, equal predictions."""
    from mcgurk.store import load

    X = _data(entry)
    for task in _targets(entry):
        model = _model(cls, entry, task).fit(X, _labels(entry, X, task))
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "m.mcgurk")
            equal(_output(model, X, task), _output(load(Path(folder) / "m.mcgurk"), X, task), f"{task}: predictions after save and load")


def seeded(cls: type, entry: Entry) -> None:
    """The same seed gives the same bits, and global random state stays as it was."""
    import torch

    X = _data(entry)
    task = _targets(entry)[0]
    before = (random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state().clone())  # type: ignore[index]
    first = _output(_model(cls, entry, task).fit(X, _labels(entry, X, task)), X, task)
    after = (random.getstate(), np.random.get_state()[1], torch.get_rng_state())  # type: ignore[index]
    if before[0] != after[0] or not np.array_equal(before[1], after[1]) or not torch.equal(before[2], after[2]):
        raise Failure("fitting changes global random state")
    equal(first, _output(_model(cls, entry, task).fit(X, _labels(entry, X, task)), X, task), "two fits with one seed")


def ordered(cls: type, entry: Entry) -> None:
    """Reversing the columns changes no bit, training included."""
    X = _data(entry)
    task = _targets(entry)[0]
    turned = dict(reversed(list(X.items())))
    y = _labels(entry, X, task)
    equal(
        _output(_model(cls, entry, task).fit(X, y), X, task),
        _output(_model(cls, entry, task).fit(turned, y), turned, task),
        "reversed columns",
    )


def absent(cls: type, entry: Entry) -> None:
    """What stands in absent rows changes no prediction, training included; rows do not depend on each other."""
    X = _data(entry)
    task = _targets(entry)[0]
    y = _labels(entry, X, task)
    bad = Dataset({name: toys.poisoned(column) for name, column in X.items()})
    model = _model(cls, entry, task).fit(X, y)
    equal(_output(model, X, task), _output(_model(cls, entry, task).fit(bad, y), bad, task), "content of absent rows")
    equal(_output(model, X, task)[3:4], _output(model, X[[3]], task), "a batch of one", 1e-5)


def missing(cls: type, entry: Entry) -> None:
    """A model predicts from any non-empty subset of its modalities, whatever stands where the others were."""
    X = _data(entry, absent=False)
    task = _targets(entry)[0]
    model = _model(cls, entry, task).fit(X, _labels(entry, X, task))
    for code in range(1, 2 ** len(X.names)):
        part = {name: (column if code >> m & 1 else _gone(column)) for m, (name, column) in enumerate(X.items())}
        said = _output(model, Dataset(part), task)
        if not np.isfinite(said).all():
            raise Failure(f"no finite prediction from subset {code:b}")
        poisoned = Dataset({name: toys.poisoned(column) for name, column in part.items()})
        equal(said, _output(model, poisoned, task), f"content of the modalities that subset {code:b} lacks")


def overfits(cls: type, entry: Entry) -> None:
    """A layer learns 32 rows of noise by heart: the loss falls below 5 % of its start."""
    X = _data(entry, 32, absent=False)
    noise = np.random.default_rng(0)
    y: Any = noise.integers(0, 2, 32)
    if entry.role == "multitask":
        y = {"a": y, "b": np.where(np.arange(32) < 24, noise.integers(0, 2, 32).astype(object), np.array(None))}
    seen = (0.0, 0.0)
    for epochs in (60, 400):  # most need few
        model = _model(cls, entry, "classes", epochs=epochs, hidden=(64,), dropout=0.0, optim=("adam", 1e-2), batch_size=32).fit(X, y)
        losses = [sum(terms.values()) for terms in model.history_.terms]
        seen = (losses[0], min(losses))
        if seen[1] < 0.05 * seen[0]:
            return
    raise Failure(f"32 rows are not learned by heart: loss {seen[0]:.3g} -> {seen[1]:.3g}")


def _gone(column: Any) -> Any:
    from dataclasses import replace

    return replace(column, present=np.zeros(len(column), dtype=bool))


PREDICTOR: dict[str, Check] = {
    "save and load": saved,
    "seeds": seeded,
    "column order": ordered,
    "absent rows": absent,
    "missing modalities": missing,
}
LAYER: dict[str, Check] = PREDICTOR | {"overfits": overfits}
