"""Emoji: a picture, a name, keywords and a few facts each, drawn by an open font and described by the Unicode standard."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.column import Dense, Field, Lazy
from mcgurk.data.dataset import Dataset
from mcgurk.datasets import embedded
from mcgurk.errors import DataError, UnknownName
from mcgurk.seeding import generator

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("image", "name", "keywords", "facts")
#: Facts a model may see for each target: what would give the answer away is left out (a version or a carrier's set tells the year).
FACTS = {
    "group": ("year", "unicode_version", "code_points", "carriers", "presentation"),
    "year": ("code_points", "presentation", "group"),
}
CATEGORIES = ("group", "presentation")


def load_emoji(
    *, target: str = "group", columns: Sequence[str] = COLUMNS, flags: bool = False, n: int | None = None, random_state: int = 0
) -> tuple[Dataset, np.ndarray]:
    """1,601 emoji (1,870 with flags): which of eight groups is it in, or in which year did it come?

    Accuracy for the group, 600 emoji, logistic regressions on packaged encoders, product of decisions, 2 x 5 folds that keep families
    together: picture .69, name .75, both .82; facts .37 and nothing on top; keywords .77, with the picture .84; majority .21. (Texts as
    TF-IDF: name .54, keywords .66.) The year is hard: three spans of it, 800 emoji: facts .64, everything .64, majority .56.

    When not to use it: as evidence about photographs. These are drawings in one style, and the answer of the group question is an
    editor's decision.

    Args:
        target: ``"group"`` (eight names such as "Food & Drink") or ``"year"`` (2010 to 2022, when it became an emoji).
        columns: any of "image" (WebP bytes), "name", "keywords" (absent for the 21 newest) and "facts" (one tabular column).
            Group, subgroup and code point never enter X for the group question, nor version or carriers for the year question.
        flags: with the 269 flags, a ninth group. 261 of their names begin with "flag:", so with them one group is given away.
        n: a random sample of so many; None is all of them.
        random_state: seed of that sample.

    Shapes:
        X: n rows; X.rows has ``group`` (the family: couples, clock faces, one role in three genders, one shape in nine colours, near-twin
        pictures; never cut by a split), ``subgroup`` and ``character``; X.ids are code points such as "1F600". y: (n,) str or int.

    Raises:
        UnknownName: a target or column that does not exist.
        DataError: S01 when more rows are asked for than there are.

    Source: Noto Color Emoji 2.042 (OFL-1.1); Unicode 15.0 and CLDR 41 (Unicode licence); both texts lie beside the data.

    Example:
        >>> from mcgurk.datasets import load_emoji
        >>> X, y = load_emoji(columns=["image", "name"], n=600)
        >>> X.names, X.shape, len(set(y.tolist()))
        (('image', 'name'), (600,), 8)
    """
    if target not in FACTS:
        raise UnknownName(f"target {target!r} is not known; expected one of {', '.join(FACTS)}")
    unknown = [c for c in columns if c not in COLUMNS]
    if unknown or not columns:
        raise UnknownName(f"columns={list(columns)} were asked for; give one or more of {', '.join(COLUMNS)}")
    table = emoji_table()
    if not flags:
        table = table[table["group"] != "Flags"]
    if n is not None:
        if not 0 < n <= len(table):
            raise DataError(f"{n} emoji asked for, {len(table)} there are; give n from 1 to {len(table)}", code="S01")
        table = table.iloc[np.sort(generator(random_state, "emoji").permutation(len(table))[:n])]
    parts: dict[str, Any] = {name: _column(table, name, target) for name in columns}
    rows = table[["family", "subgroup", "character"]].rename(columns={"family": "group"})
    y = table[target].to_numpy(dtype=np.int64 if target == "year" else object)
    return Dataset(parts, ids=table["id"].to_numpy(dtype=str), rows=rows), y.astype(str) if target == "group" else y


def emoji_table() -> pd.DataFrame:
    """Everything embedded about each of the 1,870 emoji, picture bytes included, in the standard's order."""
    import pyarrow.parquet

    content = embedded.read("emoji", "emoji.parquet")
    return pyarrow.parquet.read_table(io.BytesIO(content), page_checksum_verification=True).to_pandas()


def _column(table: pd.DataFrame, name: str, target: str) -> Dense | Lazy:
    if name != "facts":
        cells = table[name].to_numpy(dtype=object)
        cells = np.array([None if c is None or c != c else c for c in cells], dtype=object)
        return Lazy(cells, kind="image" if name == "image" else "text")
    fields, values = [], []
    for fact in FACTS[target]:
        if fact in CATEGORIES:
            levels, codes = np.unique(table[fact].to_numpy(dtype=str), return_inverse=True)
            fields.append(Field(fact, "category", tuple(levels.tolist())))
            values.append(codes.astype(np.float64))
        else:
            fields.append(Field(fact))
            values.append(table[fact].to_numpy(dtype=np.float64))
    return Dense(np.stack(values, axis=1), kind="tabular", fields=tuple(fields))
