"""What a column of cells is, from its values: only readers use this; ``fit`` types a frame by its dtypes alone."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.limits import limits
from mcgurk.errors import DataError

MEDIA = ("image", "audio", "video")
MISSING = frozenset({"NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "#N/A", "<NA>"})
FLAGS = ({"yes": 1.0, "no": 0.0}, {"true": 1.0, "false": 0.0}, {"y": 1.0, "n": 0.0}, {"t": 1.0, "f": 0.0})
LEVELS = 100
_KEY = "its name says that it identifies something which occurs in several rows; group= keeps those together, category= makes it a feature"
_ID = re.compile(r"^(id|idx|index|key|uuid|guid|row|rowid|column\d+|unnamed.*)$|[_\-. ](id|idx|key|uuid|guid|no|nr|number)$", re.IGNORECASE)
_CAMEL_ID = re.compile(r"[a-z0-9](Id|ID)$")
_CODE = re.compile(r"(^|[_\-. ])(zip|zip_?code|post_?code|postal_?code|plz|fips)$", re.IGNORECASE)
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$")
_COMMA = re.compile(r"^[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?$|^[+-]?\d+$")
_THOUSANDS = re.compile(r"^[+-]?(\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?)$")
_PATH = re.compile(r"^[^\x00-\x1f<>\"]{1,1000}\.[A-Za-z0-9]{1,5}$")
_SAMPLE = 60


@dataclass(frozen=True)
class Guess:
    """What a column is taken for.

    Args:
        kind: a column kind (text, image, audio, video, vector, series), a field kind (number, category, date, flag), "id" or "empty".
        why: the reason, in words that complete "photo is image: …".
        split: how a cell is read: "" (one value), ";" or "|" (several), "json", "list" (a typed list), "file" (a text file's name).
        numbers: how digits are written: "" (plain), "comma" (decimal comma) or "thousands" (1,234.5).
    """

    kind: str
    why: str
    split: str = ""
    numbers: str = ""


def present_cells(cells: np.ndarray) -> np.ndarray:
    """(n,) bool: None, NaN, NaT and pandas' NA are absent."""
    import pandas as pd

    return ~pd.isna(cells)


def plain_number_name(name: str) -> bool:
    """Whether numbers under this name are quantities: neither identifiers nor postal codes."""
    return not (_is_id(name) or _CODE.search(name))


def guess(name: str, cells: np.ndarray, root: Path) -> Guess:
    """The kind of one column, from its name, its cells and the files they may name below ``root``."""
    seen = cells[present_cells(cells)]
    if not len(seen):
        return Guess("empty", "no cell holds a value")
    if seen.dtype.kind in "biufM" or isinstance(seen[0], (bool, int, float, np.number, datetime.date, np.datetime64)):
        return _typed(name, cells, seen)
    if isinstance(seen[0], bytes):
        return Guess(_sniffed(seen[0]) or "image", "its cells are bytes of such files")
    if isinstance(seen[0], dict):
        return Guess(_media(seen, root, "")[0] or "image", "its cells hold the bytes or the path of files")
    if isinstance(seen[0], (list, tuple, np.ndarray)):
        return _listed(seen, root)
    return _strings(name, cells, np.array([str(c) for c in seen], dtype=object), root)


def _typed(name: str, cells: np.ndarray, seen: np.ndarray) -> Guess:
    types = {type(c) for c in seen} if seen.dtype == object else {seen.dtype.type}
    if types <= {bool, np.bool_}:
        return Guess("flag", "its cells are true or false")
    if seen.dtype.kind == "M" or all(issubclass(t, (datetime.date, np.datetime64)) for t in types):
        return Guess("date", "its cells are dates")
    if any(issubclass(t, (str, bytes, list, dict)) for t in types):
        return _strings(name, cells, np.array([str(c) for c in seen], dtype=object), Path())
    whole = all(issubclass(t, (int, np.integer)) for t in types)
    if whole and len(seen) == len(cells) and _is_id(name) and _distinct(seen) == len(cells):
        return Guess("id", "its name says so, and its numbers are all distinct")
    if whole and _is_id(name):
        return _key(_distinct(seen))
    if _CODE.search(name):
        return Guess("category", "postal and area codes are names, not quantities")
    return Guess("number", "its cells are numbers")


def _listed(seen: np.ndarray, root: Path) -> Guess:
    inner = next((v for cell in seen for v in cell if v is not None), None)
    if isinstance(inner, (str, bytes, dict)):
        parts = np.array([v for cell in seen[:_SAMPLE] for v in cell], dtype=object)
        kind = _sniffed(parts[0]) if isinstance(inner, bytes) else _media(parts, root, "")[0]
        return Guess(kind or "text", "its cells are lists", "list")
    shapes = {np.shape(cell)[:1] for cell in seen}
    return Guess("vector" if len(shapes) == 1 and np.ndim(seen[0]) == 1 else "series", "its cells are lists of numbers")


def _strings(name: str, cells: np.ndarray, seen: np.ndarray, root: Path) -> Guess:
    stripped = np.array([s.strip() for s in seen], dtype=object)
    if (found := _json(stripped, root)) is not None:
        return found
    for split in (";", "|", ""):
        kind, share = _media(stripped, root, split)
        if kind:
            several = f", several in a cell separated by {split!r}" if split else ""
            return Guess(kind, f"{share:.0%} of the files it names are {kind} files{several}", split or ("file" if kind == "text" else ""))
    lowered = {s.lower() for s in stripped} if len(set(stripped[:1000])) <= 8 else set()
    if lowered and any(lowered <= set(flags) for flags in FLAGS):
        return Guess("flag", f"its cells are {' or '.join(sorted(lowered))}")
    complete, distinct = len(seen) == len(cells), _distinct(stripped)
    values = np.array([s for s in stripped if s not in MISSING], dtype=object)
    if len(values) and (style := number_style(values)) is not None:
        return _numeric(name, values, style, all_distinct=complete and distinct == len(cells))
    if len(values) and all(_DATE.match(s) for s in values[:_SAMPLE]) and all(_DATE.match(s) for s in values):
        return Guess("date", "its cells are ISO dates")
    if complete and distinct == len(cells) and len(cells) > 1 and _is_id(name):
        return Guess("id", "its name says so, and its cells are all distinct")
    words = float(np.median([s.count(" ") + 1 for s in stripped]))
    length = float(np.mean([len(s) for s in stripped]))
    if words >= 4 or length > 40:
        return Guess("text", f"its cells are long ({words:.0f} words in the median)")
    if _is_id(name) and words < 2 and len(seen) > 1:
        return _key(distinct)
    if distinct > max(1, len(seen) // 2) or distinct > max(LEVELS, min(len(seen) // 10, 10 * LEVELS)):
        return Guess("text", f"{distinct:,} of its {len(seen):,} cells are distinct")
    return Guess("category", f"{distinct} short values occur in {len(seen):,} cells")


def _numeric(name: str, values: np.ndarray, style: str, *, all_distinct: bool) -> Guess:
    whole = all(re.fullmatch(r"[+-]?\d+", s) for s in values[:_SAMPLE]) and all(re.fullmatch(r"[+-]?\d+", s) for s in values)
    if whole and all_distinct and len(values) > 1 and _is_id(name):
        return Guess("id", "its name says so, and its numbers are all distinct")
    if whole and _is_id(name):
        return _key(_distinct(values))
    if _CODE.search(name):
        return Guess("category", "postal and area codes are names, not quantities")
    if whole and len({len(s) for s in values}) == 1 and any(s.startswith("0") and len(s) > 1 for s in values):
        return Guess(
            "category" if _distinct(values) <= max(LEVELS, len(values) // 2) else "text", "its digits start with zeros, as codes do"
        )
    said = {
        "": "its cells are numbers",
        "comma": "its cells are numbers with a decimal comma",
        "thousands": "its cells are numbers with thousands separators",
    }
    return Guess("number", said[style], numbers=style)


def _key(distinct: int) -> Guess:
    """A column named like an id whose values repeat: few values are a category, many are nothing to learn from."""
    return Guess("category", f"its name says that its {distinct} values are names") if distinct <= LEVELS else Guess("empty", _KEY)


def number_style(values: np.ndarray) -> str | None:
    """How these strings write numbers ("", "comma", "thousands"), or None where some are no numbers."""
    if not _is_number(values[0]) and not _COMMA.match(values[0]) and not _THOUSANDS.match(values[0]):
        return None
    if all(_is_number(s) for s in values):
        return ""
    if all(_THOUSANDS.match(s) for s in values):
        return "thousands"
    return "comma" if all(_COMMA.match(s) for s in values) else None


def number(text: str, style: str = "") -> float:
    """One number as ``style`` writes it; words for "missing" are NaN.

    Raises:
        ValueError: it is no number.
    """
    if text in MISSING:
        return float("nan")
    if style == "comma":
        text = text.replace(".", "").replace(",", ".")
    if style == "thousands":
        text = text.replace(",", "")
    if "_" in text:
        raise ValueError(text)
    return float(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _json(cells: np.ndarray, root: Path) -> Guess | None:
    if not all(s[:1] == "[" and s[-1:] == "]" for s in cells):
        return None
    filled = np.empty(len(cells), dtype=object)
    try:
        for i, text in enumerate(cells):
            filled[i] = load_json(text)
    except DataError:
        return None
    found = _listed(filled, root)
    return replace(found, split="json", why="its cells are JSON lists" + (f" of {found.kind} files" if found.kind in MEDIA else ""))


def load_json(text: str) -> Any:
    """One JSON document, within the limits on size and nesting.

    Raises:
        DataError: D05, not JSON.
        MediaError: B07 too large, B10 nested too deeply.
    """
    from mcgurk.data.limits import check

    check("max_text_bytes", len(text), f"a JSON text of {len(text):,} characters", "JSON")
    try:
        value = json.loads(text)
    except RecursionError:
        check("max_depth", float("inf"), "JSON nested more deeply than can be read", "JSON")
        raise
    except ValueError as error:
        raise DataError(f"{text[:60]!r} is not JSON ({error}); mend it", code="D05") from None
    if text.count("[") + text.count("{") > limits().max_depth:
        check("max_depth", _depth(value), f"JSON nested {_depth(value)} deep", "JSON")
    return value


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        level = [v for item in level if isinstance(item, (list, dict)) for v in (item.values() if isinstance(item, dict) else item)]
        depth += 1
    return depth - 1


def _media(cells: np.ndarray, root: Path, split: str) -> tuple[str | None, float]:
    """The kind of the files that a sample of cells names, and the share that agrees: half at least, nine tenths of lists.

    A file that is not there counts by its extension, so that a wrong folder is an error and not a column of strange texts;
    text files must be there.
    """
    sample = list(dict.fromkeys(c for c in cells[: 20 * _SAMPLE] if isinstance(c, str)))[:_SAMPLE]
    if split and not any(split in c for c in sample):
        return None, 0.0
    parts = [p.strip() for c in sample for p in (c.split(split) if split else [c])]
    if not parts or not all(_PATH.match(p) for p in parts[:5]):
        return None, 0.0
    kinds = [_sniffed(root / p) if _PATH.match(p) else None for p in parts]
    kinds = [k if k != "text" or (root / p).is_file() else None for k, p in zip(kinds, parts)]
    best = max((*MEDIA, "text"), key=kinds.count)
    share = kinds.count(best) / len(kinds)
    return (best, share) if share >= (0.9 if split else 0.5) else (None, share)


def _sniffed(source: Path | bytes) -> str | None:
    from mcgurk.data.media import sniff

    return sniff(source)


def _is_id(name: str) -> bool:
    return bool(_ID.search(name) or _CAMEL_ID.search(name))


def _distinct(values: np.ndarray) -> int:
    return len(set(values.tolist()))
