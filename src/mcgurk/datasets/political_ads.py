"""Election advertisements on a social network, 2020: what is said about a candidate, and in which tone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from mcgurk.data.column import Dense, Field, Lazy
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._root import data_folder, read_table
from mcgurk.errors import UnknownName

FILES = {"train": "absa/generic_separate_absa_train20.csv", "test": "absa/generic_separate_absa_test20.csv"}
COLUMNS = ("asr", "body", "ocr", "other")
OWN_COLUMN = {"ad_creative_body": "body", "asr": "asr", "ocr": "ocr"}
UNITS = ("ad x candidate", "mention")


def load_political_ads(
    root: str | os.PathLike[str] | None = None, *, unit: str = "ad x candidate", group: str = "ad", neutral: bool = False
) -> tuple[Dataset, np.ndarray, dict[str, Any]]:
    """Tone of an ad towards a candidate it mentions, from post, sound track, picture text and other text; most ads lack most of them.

    An ad may mention several candidates, each several times; every mention is the text with ``$T$`` in the candidate's place. A unit's
    mentions in one field are joined, one a line, repeated texts once. Videos have a sound track, stills picture text, none has both.

    When not to use it: to speak of tone in general. 94 % of the test mentions name a candidate seen in training, so the given split
    rewards knowing who is attacked; group="candidate" asks the harder question.

    Args:
        root: folder that holds political_ads/ (or is it); None is MCGURK_DATA.
        unit: "ad x candidate", or "mention" (one text column and its field, rows["unit"] names the unit).
        group: what splits keep together: "ad" (as the given split does) or "candidate".
        neutral: with tone 0 (5 % of mentions); else only -1 and 1.

    Shapes:
        X: ``body``, ``asr``, ``ocr``, ``other`` (page name, link title, link description, disclaimer) texts, absent where the candidate is
        not mentioned there; X.rows: ``group``, ``split`` (train 2,595, test 1,167 units), ``ad``, ``candidate``. y: (n,) -1 or 1.

    Raises:
        UnknownName: another unit or group.
        DataError: F02 when the files are not there.

    Source: Wesleyan Media Project, ABSA repository (2020 coding). Files are cp1252; damaged characters are kept as they are.
    """
    if unit not in UNITS or group not in ("ad", "candidate"):
        raise UnknownName(f"unit={unit!r}, group={group!r}; expected unit {' or '.join(map(repr, UNITS))} and group 'ad' or 'candidate'")
    folder = data_folder(root, "political_ads", tuple(FILES.values()))
    mentions = [{**line, "split": split} for split, name in FILES.items() for line in read_table(folder / name, "cp1252")]
    mentions = [m for m in mentions if neutral or m["TONE"] != "0"]
    facts = {"name": "political_ads", "mentions": len(mentions), "licence": "MIT with the Commons Clause"}
    X, y = _by_unit(mentions, group) if unit == UNITS[0] else _by_mention(mentions, group)
    return X, y, facts


def _by_unit(mentions: Sequence[dict[str, str]], group: str) -> tuple[Dataset, np.ndarray]:
    texts: dict[tuple[str, str, str], dict[str, dict[str, None]]] = {}
    tone: dict[tuple[str, str, str], int] = {}
    for m in mentions:
        key = (m["split"], m["ad_id"], m["CAND"])
        texts.setdefault(key, {}).setdefault(OWN_COLUMN.get(m["field"], "other"), {})[m["text"]] = None
        tone[key] = int(m["TONE"])
    columns = {name: Lazy(["\n".join(cells[name]) if name in cells else None for cells in texts.values()]) for name in COLUMNS}
    rows = _facts(list(texts), group)
    return Dataset(columns, ids=np.array([f"{ad}/{candidate}" for _, ad, candidate in texts]), rows=rows), np.array(list(tone.values()))


def _by_mention(mentions: Sequence[dict[str, str]], group: str) -> tuple[Dataset, np.ndarray]:
    levels, codes = np.unique([m["field"] for m in mentions], return_inverse=True)
    field = Dense(codes.astype(np.float64), kind="tabular", fields=(Field("field", "category", tuple(levels.tolist())),))
    rows = _facts([(m["split"], m["ad_id"], m["CAND"]) for m in mentions], group)
    rows["unit"] = [f"{m['ad_id']}/{m['CAND']}" for m in mentions]
    return Dataset({"text": Lazy([m["text"] for m in mentions]), "field": field}, rows=rows), np.array([int(m["TONE"]) for m in mentions])


def _facts(keys: Sequence[tuple[str, str, str]], group: str) -> Any:
    import pandas as pd

    rows = pd.DataFrame(keys, columns=["split", "ad", "candidate"])
    rows.insert(0, "group", rows[group])
    return rows
