"""The conformance suite: one list of checks a role, run over the registry and by ``mcgurk check`` on strangers' parts."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from mcgurk import registry
from mcgurk.errors import DataError, McgurkError
from mcgurk.registry import Entry

Check = Callable[[type, Entry], None]


INNER = ("machine", "source", "feature fusion", "decision fusion")
"""Roles that nobody calls by name: parts of what a recipe makes."""


class Failure(AssertionError):
    """A part breaks a rule; the message names the rule and what was seen."""


def checks(entry: Entry) -> dict[str, Check]:
    """Name -> check for a part of this role."""
    from mcgurk.testing import encoder_checks, estimator_checks, layer_checks, room_checks

    common: dict[str, Check] = {"docstring": docstring, "parameters": parameters}
    if entry.needs:
        return common
    by_role: dict[str, dict[str, Check]] = {
        "fusion": layer_checks.CHECKS | estimator_checks.LAYER,
        "recipe": estimator_checks.PREDICTOR,
        "unit": estimator_checks.PREDICTOR,
        "classifier": estimator_checks.PREDICTOR,
        "regressor": estimator_checks.PREDICTOR,
        "multitask": estimator_checks.LAYER,
        "encoder": encoder_checks.CHECKS,
        "embedder": room_checks.EMBEDDER,
        "aligner": room_checks.ALIGNER,
        "generator": room_checks.GENERATOR,
        "splitter": room_checks.SPLITTER,
        "measure": room_checks.MEASURE,
    }
    return common | by_role.get(entry.role, {})


def check(target: str, entry: Entry | None = None) -> dict[str, str]:
    """Run every check on ``"room:name"`` or on a stranger's ``"package.module:Class"``.

    Returns:
        check -> "passed", "skipped: why" or "failed: why".

    Raises:
        UnknownName: no such part.
        DataError: the role cannot be told from the class.
    """
    cls, entry = _resolve(target, entry)
    out = {}
    for name, run in checks(entry).items():
        try:
            with warnings.catch_warnings(), _registered(cls, entry):
                warnings.simplefilter("ignore")
                run(cls, entry)
            out[name] = "passed"
        except Skip as reason:
            out[name] = f"skipped: {reason}"
        except Failure as failure:
            out[name] = f"failed: {failure}"
        except (
            McgurkError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            RuntimeError,
            AttributeError,
            NotImplementedError,
            AssertionError,
        ) as error:
            out[name] = f"failed: {type(error).__name__}: {error}"
    return out


class Skip(Exception):
    """A check that cannot run here, such as one of weights that are not installed."""


@contextlib.contextmanager
def _registered(cls: type, entry: Entry) -> Iterator[None]:
    """A stranger's class is in a registry while it is checked, as it will be once its entry point is declared: saving needs that."""
    if registry.name_of(cls) is not None:
        yield
        return
    table, name = registry.entries("fusion"), f"{cls.__name__} under check"
    table[name] = replace(entry, target=f"{cls.__module__}:{cls.__name__}")
    try:
        yield
    finally:
        del table[name]


def _resolve(target: str, entry: Entry | None) -> tuple[type, Entry]:
    room, _, name = target.partition(":")
    if room in registry.ROOMS:
        return registry.find(room, name), registry.entry(room, name)
    cls = registry.located(target)
    if entry is None:
        role = _role(cls)
        targets = {"classifier": ("classes",), "regressor": ("number",)}.get(role, ("classes", "number"))
        entry = Entry(target, role, wants=getattr(cls, "wants", getattr(cls, "kinds", None)), targets=targets)
    return cls, entry


def _role(cls: type) -> str:
    from mcgurk import roles
    from mcgurk.fusion.recipe import Recipe
    from mcgurk.nn.component import Encoder, Fusion

    known = [
        (Fusion, "fusion"), (Recipe, "recipe"), (Encoder, "encoder"), (roles.Classifier, "classifier"), (roles.Regressor, "regressor"),
        (roles.TaskPredictor, "multitask"),
        (roles.Embedder, "embedder"), (roles.Aligner, "aligner"), (roles.Generator, "generator"), (roles.Splitter, "splitter"),
        (roles.Measure, "measure"),
    ]  # fmt: skip
    for base, role in known:
        if isinstance(cls, type) and issubclass(cls, base):
            return role
    raise DataError(
        f"{cls!r} is no fusion layer, recipe, encoder, classifier, regressor, embedder, aligner, generator, splitter or measure; "
        "derive it from one of those bases"
    )


def docstring(cls: type, entry: Entry) -> None:
    """The class says what it does, its shapes, its source and shows a running example."""
    text = inspect.getdoc(cls) or ""
    if entry.role in INNER and text:
        return
    if len(text) < 80:
        raise Failure(f"{cls.__name__} has no docstring of substance")
    wanted = ["Example", "Source"] if entry.paper else ["Example"]
    if entry.role in ("fusion", "encoder", "unit"):
        wanted.append("Shapes")
    for heading in wanted:
        if f"{heading}:" not in text:
            raise Failure(f"the docstring of {cls.__name__} has no {heading}: section")


def parameters(cls: type, entry: Entry) -> None:
    """``__init__`` only stores; get_params, set_params and clone work."""
    from sklearn.base import clone

    made: Any = cls(**entry.small) if not _needs_arguments(cls, entry) else None
    if made is None:
        raise Skip("its constructor needs arguments")
    before = made.get_params(deep=False)
    for name, value in before.items():
        if getattr(made, name) is not value:
            raise Failure(f"{cls.__name__}.{name} is not the object that was given")
    copy: Any = clone(made, safe=False)
    after = copy.get_params(deep=False)
    if type(copy) is not cls or {k: repr(v) for k, v in after.items()} != {k: repr(v) for k, v in before.items()}:
        raise Failure(f"clone({cls.__name__}) differs from the original")
    made.set_params(**before)


def _needs_arguments(cls: type, entry: Entry) -> bool:
    signature = inspect.signature(cls).parameters.values()
    return any(
        p.default is p.empty and p.name not in ("self", *entry.small) and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        for p in signature
    )


def equal(a: Any, b: Any, what: str, tolerance: float = 0.0) -> None:
    """Fail unless two arrays agree (NaN equal to NaN)."""
    import numpy as np

    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape:
        raise Failure(f"{what}: shapes {left.shape} and {right.shape}")
    if not np.allclose(left, right, rtol=tolerance, atol=tolerance, equal_nan=True):
        raise Failure(f"{what}: largest difference {np.nanmax(np.abs(left - right)):.3g}")
