"""Signs that a table gives its answer away, or that its rows belong together more than they seem to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy
from mcgurk.data.dataset import Dataset
from mcgurk.data.target import unlabelled

SURE = 0.99
LEAST_ROWS = 10
_GROUP_WORDS = (
    "user person people subject participant patient speaker actor author writer candidate advertiser customer client site store "
    "school class family house household city country channel page video film movie song artist album session doc document source id name"
)
_GROUP_NAME = re.compile(rf"(^|[_\-. ])({'|'.join(_GROUP_WORDS.split())})s?($|[_\-. ])", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One thing to know before modelling: a stable code, the column it is about ("" for the table), and a sentence."""

    code: str
    column: str
    message: str


@dataclass(frozen=True)
class Labels:
    """A target as leak checks need it: codes of classes (numbers cut into tenths), NaN rows left out."""

    rows: np.ndarray
    codes: np.ndarray
    names: tuple[str, ...]
    numeric: bool

    @property
    def majority(self) -> float:
        """Accuracy of always saying the commonest class."""
        return float(np.bincount(self.codes).max() / len(self.codes)) if len(self.codes) else 1.0


def labels_of(y: Any) -> Labels | None:
    """None where a target cannot be checked: labels per step, several outputs, or fewer than ten labelled rows."""
    values = np.asarray(y)
    if values.ndim != 1:
        return None
    rows = np.flatnonzero(~unlabelled(values))
    if len(rows) < LEAST_ROWS:
        return None
    known = values[rows]
    numeric = known.dtype.kind in "iuf" and len(np.unique(known)) > 20
    if numeric:
        ranks = np.argsort(np.argsort(known, kind="stable"), kind="stable")
        return Labels(rows, ranks * 10 // len(known), tuple(f"tenth {i + 1}" for i in range(10)), True)
    names, codes = np.unique(known.astype(str), return_inverse=True)
    return Labels(rows, codes, tuple(names.tolist()), False) if len(names) > 1 else None


def leaks(X: Dataset, y: Any) -> Iterator[Finding]:
    """Columns that (nearly) determine the target, presence that does, and rows ordered by it."""
    labels = labels_of(y)
    if labels is None:
        return
    for name, _, values in _cells(X):
        share = _determined(values[labels.rows], labels.codes)
        if share >= SURE > labels.majority + 0.04:
            yield Finding(
                "H01",
                name,
                f"{name} determines the target in {share:.1%} of the rows where it repeats; leave it out unless it will be known",
            )
    for name, column in X.items():
        if isinstance(column, Lazy) and column.kind == "text" and not labels.numeric:
            share = _names_label(column, labels)
            if share >= SURE:
                yield Finding(
                    "H01", name, f"the texts of {name} contain the label's own name in {share:.1%} of the rows; remove it from the text"
                )
        share = _determined(column.present[labels.rows].astype(float), labels.codes)
        if share >= SURE > labels.majority + 0.04:
            yield Finding(
                "H01", name, f"whether {name} is present determines the target in {share:.1%} of the rows; check how it came to be absent"
            )
    yield from _ordered(labels)


def _cells(X: Dataset) -> Iterator[tuple[str, str, np.ndarray]]:
    """(name, kind, values) of every cell column of the table block, and of texts as codes."""
    for name, column in X.items():
        if isinstance(column, Dense) and column.kind == "tabular":
            for j, field in enumerate(column.fields or ()):
                yield field.name, field.kind, column.values[:, j]
        elif isinstance(column, Lazy) and column.kind == "text":
            texts = {text: float(i) for i, text in enumerate({str(v) for v in column.items[column.present]})}
            yield name, "text", np.array([texts[str(v)] if ok else np.nan for v, ok in zip(column.items, column.present)])


def _determined(values: np.ndarray, codes: np.ndarray) -> float:
    """Accuracy of telling a row's class from the other rows of equal value; 0 where values do not repeat enough, or there is one value."""
    known = ~np.isnan(values)
    if known.sum() < LEAST_ROWS:
        return 0.0
    _, group = np.unique(values[known], return_inverse=True)
    if group.max() == 0:
        return 0.0
    table = np.zeros((group.max() + 1, int(codes.max()) + 1))
    np.add.at(table, (group, codes[known]), 1)
    repeated = table.sum(axis=1) > 1
    if table[repeated].sum() < max(LEAST_ROWS, 0.5 * known.sum()):
        return 0.0
    others = table[group] - np.eye(table.shape[1])[codes[known]]
    right = others.argmax(axis=1) == codes[known]
    return float(right[repeated[group]].mean())


def _names_label(column: Lazy, labels: Labels) -> float:
    """Share of rows whose text holds the own label's name as a word and no other label's; 0 where names are too short to tell."""
    if any(len(name) < 3 for name in labels.names) or len(labels.names) > 50:
        return 0.0
    words = [re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE) for name in labels.names]
    rows = [(row, code) for row, code in zip(labels.rows.tolist(), labels.codes.tolist()) if column.present[row]]
    if len(rows) < LEAST_ROWS:
        return 0.0
    hits = [[bool(word.search(str(column.items[row]))) for word in words] for row, _ in rows]
    return float(np.mean([hit[code] and sum(hit) == 1 for hit, (_, code) in zip(hits, rows)]))


def _ordered(labels: Labels) -> Iterator[Finding]:
    """Runs test (Wald and Wolfowitz 1940, for several classes: the mean and variance of the number of changes)."""
    codes, n = labels.codes, len(labels.codes)
    changes = int((np.diff(codes) != 0).sum())
    share = np.bincount(codes) / n
    expected = (n - 1) * (1 - (share**2).sum())
    deviation = np.sqrt(max((n - 1) * ((share**2).sum() + (share**2).sum() ** 2 - 2 * (share**3).sum()), 1e-12))
    if (changes - expected) / deviation < -6:
        yield Finding(
            "H02",
            "",
            f"the target changes {changes} times from row to row where chance gives {expected:.0f}: rows are in its order, or in blocks",
        )


def group_like(X: Dataset) -> Iterator[Finding]:
    """Columns whose few repeated values look like persons, sites or sources: candidates for ``group``."""
    if X.rows is not None and "group" in X.rows.columns:
        return
    n = len(X)
    for name, kind, values in _cells(X):
        if kind not in ("category", "text") or not _GROUP_NAME.search(name):
            continue
        counts = np.unique(values[~np.isnan(values)], return_counts=True)[1]
        if len(counts) >= 5 and counts.sum() >= 0.5 * n and counts.mean() >= 2 and counts.max() < 0.9 * n:
            yield Finding(
                "H03",
                name,
                f"{name} has {len(counts)} values, {counts.mean():.1f} rows each, and its name sounds like a group; "
                f"with group={name!r} no value is in both training and test",
            )


def group_facts(X: Dataset, y: Any) -> Iterator[Finding]:
    """How groups lie across rows and target."""
    if X.rows is None or "group" not in X.rows.columns:
        return
    names, codes, counts = np.unique(X.rows["group"].astype(str).to_numpy(), return_inverse=True, return_counts=True)
    largest = int(counts.argmax())
    yield Finding(
        "I03",
        "group",
        f"{len(names)} groups of {counts.min()} to {counts.max()} rows (median {np.median(counts):g}); the largest, {names[largest]!r}, "
        f"holds {counts[largest] / len(X):.0%} of the rows, {(counts == 1).sum()} hold one",
    )
    labels = None if y is None else labels_of(y)
    if labels is None:
        return
    known = _determined(codes[labels.rows].astype(float), labels.codes)
    if known >= labels.majority + 0.1:
        yield Finding(
            "I03",
            "group",
            f"knowing the group tells the target in {known:.0%} of the rows (the commonest answer: {labels.majority:.0%}): "
            "rows drawn without regard to groups would look better than new groups will",
        )


def shared_rows(X: Dataset, tied: dict[str, list[np.ndarray]]) -> Iterator[Finding]:
    """One sentence a column with exact twins."""
    for name, groups in tied.items():
        if groups:
            rows = sum(map(len, groups))
            shown = "; ".join(", ".join(str(X.ids[r]) for r in g[:4]) for g in groups[:3]) + ("; …" if len(groups) > 3 else "")
            said = f"{rows} rows share their {name} with another row ({len(groups)} items: {shown}); splits keep them together"
            yield Finding("I03", name, said)


def constant(name: str, column: Column) -> Iterator[Finding]:
    """Columns and cells that hold one value."""
    if isinstance(column, Dense) and column.kind == "tabular":
        for j, field in enumerate(column.fields or ()):
            known = column.values[:, j][~np.isnan(column.values[:, j])]
            if not len(known):
                yield Finding("N02", field.name, f"{field.name} holds no value at all")
            elif len(known) > 1 and (known == known[0]).all():
                yield Finding("N02", field.name, f"{field.name} is the same in all {len(known)} rows that have it; it can tell nothing")
    elif isinstance(column, Lazy) and column.present.sum() > 1 and len({str(v) for v in column.items[column.present]}) == 1:
        yield Finding("N02", name, f"{name} is the same in all {int(column.present.sum())} rows that have it; it can tell nothing")
