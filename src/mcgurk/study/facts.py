"""What the data of a study are, and what about them could make its figures too good."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.fingerprint import fingerprint
from mcgurk.data.leaks import group_like, leaks
from mcgurk.data.target import TargetSpec
from mcgurk.errors import McgurkWarning
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
        "target": {"name": subject.name, **target_facts(spec)},
        "groups": None if subject.groups is None else len(np.unique(subject.groups.astype(str))),
        "twins": int(len(X) - len(np.unique(protocol.unit))) if subject.groups is None else None,
        "seen": dict(seen_in_training(X, subject.groups, protocol.splits)),
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
    """Warnings about what could make the figures too good.

    I03: a given split has rows of one group on both sides. H03: no groups were given and a column looks like one. H01: a column
    (nearly) determines the target.
    """
    if protocol.scheme == "given":
        what = "test rows" if subject.target.offsets is None else "test sequences"
        for name, share in seen.items():
            if share > LEAK:
                _warn(
                    f"{100 * share:.0f} % of the {what} have a {name} that also occurs in training: the given split rewards knowing it; "
                    f"for rows of an unseen {name}, compare with groups={name!r} and folds=5",
                    "I03",
                )
    findings = list(leaks(subject.X, subject.y)) if subject.target.offsets is None else []
    if subject.groups is None:
        findings += list(group_like(subject.X))
    for finding in findings:
        if finding.code in ("H01", "H03"):
            _warn(finding.message, finding.code)


def _warn(sentence: str, code: str) -> None:
    warnings.warn(McgurkWarning(sentence, code=code), stacklevel=4)
