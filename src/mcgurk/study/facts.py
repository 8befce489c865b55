"""What the data of a study are, and what about them could make its figures too good."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.data.fingerprint import fingerprint
from mcgurk.data.target import TargetSpec
from mcgurk.errors import McgurkWarning, listing
from mcgurk.study.contest import Subject
from mcgurk.study.protocol import Protocol, seen_in_training

LEAK = 0.2
"""Share of test rows whose group is known from training, above which a warning is due."""


def hashed(subject: Subject) -> dict[str, Any]:
    """Hash and size of the data, for the plan."""
    X = subject.X
    groups = None if subject.groups is None else X.with_rows(**{"group of the study": subject.groups})
    return {"sha256": fingerprint(X if groups is None else groups, subject.y), "rows": len(X), "columns": list(X.names)}


def facts_of(subject: Subject, protocol: Protocol, unlabelled: int) -> dict[str, Any]:
    """The data in figures, for the report."""
    X, spec = subject.X, subject.target.spec
    patterns, counts = np.unique(X.present, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:8]
    shown = [{"present": [n for n, p in zip(X.names, patterns[k]) if p], "rows": int(counts[k])} for k in order]
    return {
        "rows": len(X),
        "unlabelled": unlabelled,
        "predicted": len(subject.unit_rows),
        "modalities": [{"name": n, "kind": c.kind, "fields": fields_of(c), "present": float(c.present.mean())} for n, c in X.items()],
        "patterns": shown,
        "more_patterns": max(0, len(counts) - len(order)),
        "target": target_facts(spec),
        "groups": None if subject.groups is None else len(np.unique(subject.groups.astype(str))),
        "twins": int(len(X) - len(np.unique(protocol.unit))) if subject.groups is None else None,
        "seen": dict(seen_in_training(X, protocol.splits)),
    }


def fields_of(column: Any) -> list[str]:
    """Names of a tabular block's cells."""
    return [f.name for f in column.fields or ()] if isinstance(column, Dense) else []


def target_facts(spec: TargetSpec) -> dict[str, Any]:
    """Task and classes with their shares, or mean and spread."""
    if spec.task in ("classes", "multilabel"):
        return {"task": spec.task, "classes": [[str(c), float(p)] for c, p in zip(spec.classes, spec.prior)]}
    return {"task": spec.task, "mean": list(spec.center), "spread": list(spec.scale)}


def warn_of_leaks(subject: Subject, protocol: Protocol, seen: Mapping[str, float]) -> None:
    """Warning I03 where rows of one group stand on both sides of a split, or where a column looks like a group and none was given."""
    if protocol.scheme == "given":
        shared = {name: share for name, share in seen.items() if share > LEAK}
        for name, share in shared.items():
            what = "test steps" if subject.target.offsets is not None else "test rows"
            _warn(
                f"{100 * share:.0f} % of {what} have a {name!r} that also occurs in training: the given split rewards knowing it; "
                f"compare with groups={name!r} and folds=5 for rows of an unseen {name}"
            )
        return
    if subject.groups is None:
        likely = likely_groups(subject.X)
        if likely:
            _warn(
                f"no groups were given, but {listing(likely)} looks like one (few values, each in several rows); "
                "if rows that share it are alike, give it as groups or the figures are too good"
            )


def likely_groups(X: Dataset) -> list[str]:
    """Categories and row facts with many values, most of them in several rows."""
    found = []
    for name, column in X.items():
        for j, field in enumerate(column.fields or ()) if isinstance(column, Dense) else ():
            if field.kind == "category":
                codes = column.values[:, j]
                if _looks_grouped(codes[~np.isnan(codes)]):
                    found.append(field.name if field.name == name else f"{name}.{field.name}")
    for name in () if X.rows is None else map(str, X.rows.columns):
        if (
            name not in ("split", "start", "end")
            and not name.startswith("coverage.")
            and _looks_grouped(X.rows[name].astype(str).to_numpy())
        ):  # type: ignore[index]
            found.append(name)
    return found


def _looks_grouped(values: np.ndarray) -> bool:
    """More values than classes usually have, two rows or more for most of them."""
    if len(values) < 20:
        return False
    counts = np.unique(values, return_counts=True)[1]
    return bool(max(20, len(values) / 50) <= len(counts) <= len(values) / 2 and (counts >= 2).mean() > 0.5)


def _warn(sentence: str) -> None:
    warnings.warn(McgurkWarning(sentence, code="I03"), stacklevel=4)
