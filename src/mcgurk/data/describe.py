"""What a table holds, before anything is learnt from it: kinds, gaps, lengths, rates, damage, twins, leaks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.leaks import Finding, constant, group_facts, group_like, labels_of, leaks, shared_rows
from mcgurk.data.missing import patterns
from mcgurk.data.twins import near_twins, tied_rows
from mcgurk.errors import MediaError
from mcgurk.seeding import generator

if TYPE_CHECKING:
    import pandas as pd

_MOJIBAKE = re.compile("[ÃÂâÐÑ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+|ï¿½")
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ud800-\udfff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
NEAR_PICTURES = 2_000


@dataclass(frozen=True)
class ColumnFacts:
    """One column, or one cell of the table block: ``facts`` are figures such as words, width, seconds or levels."""

    name: str
    kind: str
    present: float
    empty: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Description:
    """The answer of :func:`describe`.

    Args:
        rows: how many.
        columns: one entry a column or table cell.
        patterns: which modalities are present together, the most frequent first.
        target: what y is, or None.
        findings: what one should know before modelling, each with a stable code.
    """

    rows: int
    columns: tuple[ColumnFacts, ...]
    patterns: tuple[dict[str, Any], ...]
    target: dict[str, Any] | None
    findings: tuple[Finding, ...]

    def to_frame(self) -> pd.DataFrame:
        """One line a column."""
        import pandas as pd

        lines = [{"column": c.name, "kind": c.kind, "present": c.present, "empty": c.empty, "facts": said(c.facts)} for c in self.columns]
        return pd.DataFrame(lines, columns=["column", "kind", "present", "empty", "facts"])

    def to_json(self) -> str:
        """Everything, as one JSON object."""
        return json.dumps(asdict(self), default=_plain, indent=1)

    def _repr_html_(self) -> str:
        from html import escape

        notes = "".join(f"<li><b>{escape(f.code)}</b> {escape(f.message)}</li>" for f in self.findings)
        return f"<p>{self.rows} rows</p>{self.to_frame().to_html(index=False, float_format=lambda v: f'{v:.3g}')}<ul>{notes}</ul>"


def describe(X: Dataset, y: Any = None, *, sample: int = 200, near: bool = True, seed: int = 0) -> Description:
    """Describe ``X`` and, where given, its target.

    Everything is counted over all rows, but for the headers of media files, of which a ``sample`` is opened, and look-alike pictures, which
    are sought in columns of at most 2,000. Nothing is changed; what would be changed in fitting is said.

    Args:
        X: the data.
        y: (n,) target, for the checks that need one: leaks, order, groups.
        sample: media files opened a column.
        near: whether near twins are sought (texts that differ in case, space or punctuation; pictures that look alike).
        seed: of the sample.

    Example:
        >>> from mcgurk.data import Dataset, Lazy
        >>> found = describe(Dataset({"caption": Lazy(["red cotton dress", "", None, "Red cotton dress!"])}))
        >>> found.columns[0].present, found.columns[0].empty, [f.code for f in found.findings]
        (0.75, 1, ['M03', 'I03', 'M01'])
    """
    columns: list[ColumnFacts] = []
    findings: list[Finding] = []
    tied: dict[str, list[np.ndarray]] = {}
    for name, column in X.items():
        found = list(_column(name, column, sample, generator(seed, "describe", name)))
        columns += found
        empty = sum(c.empty for c in found)
        if empty:
            findings.append(Finding("M03", name, f"{empty} rows of {name} are present but empty; they count as observed and stay so"))
        findings += [*constant(name, column), *_damage(name, column)]
        tied[name] = _same_rows(tied_rows(column).values())
        findings += shared_rows(X, {name: tied[name]})
        if near and (column.kind != "image" or len(column) <= NEAR_PICTURES):
            findings += _near(X, name, column, tied[name])
    findings += _wholly_absent(X)
    findings += [*group_like(X), *group_facts(X, y)]
    if y is not None:
        findings += leaks(X, y)
    table = tuple(patterns(X).to_dict("records"))
    return Description(len(X), tuple(columns), table, None if y is None else _target(y), tuple(findings))


def said(facts: dict[str, Any]) -> str:
    """Figures in words: ``words 1 to 12, median 4``."""
    parts = []
    for name, value in facts.items():
        if isinstance(value, dict) and set(value) == {"min", "median", "max"}:
            low, middle, high = (f"{value[k]:.4g}" for k in ("min", "median", "max"))
            parts.append(f"{name} {low}" if low == high else f"{name} {low} to {high}, median {middle}")
        elif isinstance(value, dict):
            shown = list(value.items())[:4]
            parts.append(f"{name} " + ", ".join(f"{k} ({v})" for k, v in shown) + (f" and {len(value) - 4} more" if len(value) > 4 else ""))
        else:
            parts.append(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    return "; ".join(parts)


def _column(name: str, column: Column, sample: int, random: np.random.Generator) -> Iterator[ColumnFacts]:
    present = float(column.present.mean()) if len(column) else 0.0
    if isinstance(column, Dense) and column.kind == "tabular":
        yield from _fields(column)
    elif isinstance(column, Lazy):
        items = column.items[column.present].tolist()
        empty = sum(1 for item in items if _is_empty(item))
        several = {"items a cell": _range([len(item) for item in items if isinstance(item, tuple)])} if column.multiple else {}
        parts = [part for item in items for part in (item if isinstance(item, tuple) else (item,))]
        facts = _texts(parts) if column.kind == "text" else _media(column.kind, parts, sample, random)
        yield ColumnFacts(name, column.kind, present, empty, {**several, **facts})
    elif isinstance(column, Ragged):
        lengths = column.lengths[column.present]
        step = {"step": "×".join(map(str, column.item))} if column.item else {}
        yield ColumnFacts(name, column.kind, present, int((lengths == 0).sum()), {"steps": _range(lengths), **step, **_rate(column)})
    else:
        yield ColumnFacts(name, column.kind, present, 0, {"item": "×".join(map(str, column.item)) or "1", "type": str(column.values.dtype)})


def _fields(column: Dense) -> Iterator[ColumnFacts]:
    for j, field in enumerate(column.fields or ()):
        values = column.values[:, j]
        known = values[~np.isnan(values)]
        facts: dict[str, Any] = {}
        if field.kind == "category":
            counts = np.bincount(known.astype(int), minlength=len(field.levels))
            facts["levels"] = {str(field.levels[k]): int(counts[k]) for k in np.argsort(-counts, kind="stable")}
        elif field.kind == "date" and len(known):
            days = known.astype("datetime64[D]")
            facts |= {"from": str(days.min()), "to": str(days.max())}
        elif field.kind == "flag":
            facts["true"] = int(known.sum())
        elif len(known):
            facts["values"] = _range(known)
        yield ColumnFacts(field.name, field.kind, len(known) / max(len(values), 1), 0, facts)


def _is_empty(item: Any) -> bool:
    if isinstance(item, tuple):
        return not item
    return isinstance(item, (str, bytes)) and not item.strip()


def _texts(texts: list[Any]) -> dict[str, Any]:
    words = [str(text).count(" ") + 1 if str(text).strip() else 0 for text in texts]
    return {"words": _range(words), "distinct": len(set(texts))}


def _media(kind: str, parts: list[Any], sample: int, random: np.random.Generator) -> dict[str, Any]:
    """Sizes, lengths and rates from the headers of a sample of files."""
    from mcgurk.data import media

    read: Any = {"image": media.image_info, "audio": media.audio_info, "video": media.video_info}[kind]
    chosen = sorted(random.permutation(len(parts))[:sample].tolist())
    heads, unreadable = [], 0
    for i in chosen:
        try:
            heads.append(read(parts[i]))
        except MediaError:
            unreadable += 1
    facts: dict[str, Any] = {"files": len({p for p in parts if isinstance(p, Path)}) or len(parts)}
    if kind in ("image", "video"):
        facts |= {"width": _range([h.width for h in heads]), "height": _range([h.height for h in heads])}
    if kind == "image":
        facts["formats"] = dict(Counter(h.format for h in heads).most_common())
    if kind in ("audio", "video"):
        facts["seconds"] = _range([h.declared_s for h in heads if h.declared_s is not None])
        facts["rates"] = dict(Counter(f"{h.rate:g} Hz" for h in heads if h.rate).most_common())
    if kind == "video":
        facts["with sound"] = sum(h.has_sound for h in heads)
    if len(chosen) < len(parts):
        facts["headers read"] = len(chosen)
    return facts | ({"unreadable": unreadable} if unreadable else {})


def _rate(column: Ragged) -> dict[str, Any]:
    """Steps a second of a column with times."""
    if column.times is None:
        return {}
    inside = np.ones(max(len(column.times) - 1, 0), dtype=bool)
    borders = column.offsets[1:-1] - 1
    inside[borders[(borders >= 0) & (borders < len(inside))]] = False
    gaps = np.diff(column.times)[inside]
    gaps = gaps[gaps > 0]
    return {"steps a second": float(1 / np.median(gaps))} if len(gaps) else {}


def _range(values: Any) -> dict[str, float]:
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return {"min": 0.0, "median": 0.0, "max": 0.0}
    return {"min": float(array.min()), "median": float(np.median(array)), "max": float(array.max())}


def _damage(name: str, column: Column) -> Iterator[Finding]:
    """Texts whose characters were spoilt on the way: UTF-8 read as something else, control characters, direction marks."""
    if not isinstance(column, Lazy) or column.kind != "text":
        return
    texts = [str(part) for item in column.items[column.present] for part in (item if isinstance(item, tuple) else (item,))]
    broken = [text for text in texts if is_mojibake(text)]
    if broken:
        example = _MOJIBAKE.search(broken[0])
        shown = f", such as {example.group()!r}" if example else ""
        yield Finding(
            "X01", name, f"{len(broken)} texts of {name} hold UTF-8 that was read as another encoding{shown}; read the source again"
        )
    odd = sum(bool(_ODD.search(text)) for text in texts)
    if odd:
        yield Finding("X01", name, f"{odd} texts of {name} hold control characters or replacement marks; they are kept as they are")
    turned = sum(bool(_BIDI.search(text)) for text in texts)
    if turned:
        yield Finding("X01", name, f"{turned} texts of {name} hold marks that change the direction of writing; they are kept as they are")


def is_mojibake(text: str) -> bool:
    """Whether a part of the text becomes shorter, valid UTF-8 when its letters are taken back to bytes.

    Example:
        >>> is_mojibake("itâ€™s"), is_mojibake("Ã¤rger"), is_mojibake("Ärger, naïve, 5 €")
        (True, True, False)
    """
    return any(match.group() == "ï¿½" or _undone(match.group()) for match in _MOJIBAKE.finditer(text))


def _undone(part: str) -> bool:
    for encoding in ("cp1252", "latin-1"):
        try:
            data = part.encode(encoding)
        except UnicodeEncodeError:
            continue
        for end in range(len(data), 1, -1):
            try:
                data[:end].decode("utf-8")
            except UnicodeDecodeError:
                continue
            return True
    return False


def _same_rows(groups: Any) -> list[np.ndarray]:
    """Groups of rows, each once: two items shared by the same rows count as one."""
    return [np.array(rows) for rows in dict.fromkeys(tuple(g.tolist()) for g in groups)]


def _near(X: Dataset, name: str, column: Column, exact: list[np.ndarray]) -> Iterator[Finding]:
    known = {tuple(g.tolist()) for g in exact}
    groups = [g for g in near_twins(column) if tuple(g.tolist()) not in known]
    if groups:
        shown = "; ".join(", ".join(str(X.ids[r]) for r in g[:4]) for g in groups[:3])
        what = "look alike" if column.kind == "image" else "differ only in case, space or punctuation"
        yield Finding("I03", name, f"{len(groups)} sets of {name} {what} ({shown}); if they are the same thing, give such rows one group")


def _wholly_absent(X: Dataset) -> Iterator[Finding]:
    nothing = int((~X.present.any(axis=1)).sum())
    if nothing:
        yield Finding("M01", "", f"{nothing} rows have no modality at all; they can only get the prior")
    for name, column in X.items():
        if not column.present.any():
            yield Finding("N02", name, f"{name} is absent in every row; it can tell nothing")


def _target(y: Any) -> dict[str, Any]:
    labels = labels_of(y)
    if labels is None:
        return {"task": "not described: a label a step, several outputs, one class, or fewer than ten labels"}
    if labels.numeric:
        values = np.asarray(y, dtype=np.float64)[labels.rows]
        return {"task": "number", "labelled": len(labels.rows), "values": _range(values)}
    counts = np.bincount(labels.codes)
    classes = {labels.names[k]: int(counts[k]) for k in np.argsort(-counts, kind="stable")}
    return {"task": "classes", "labelled": len(labels.rows), "classes": classes}


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
