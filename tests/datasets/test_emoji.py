"""The emoji table: complete, decodable, without the answer in the question, relatives kept together."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from mcgurk.datasets.emoji import COLUMNS, FACTS, emoji_table, load_emoji
from mcgurk.errors import DataError, UnknownName


@pytest.fixture(scope="module")
def table():
    return emoji_table()


def test_all_1870_emoji_are_there(table):
    assert len(table) == 1870
    assert table["id"].is_unique
    assert table["group"].nunique() == 9
    assert table["keywords"].isna().sum() == 21
    assert table["year"].min() == 2010
    assert table["year"].max() == 2022
    assert (table["subgroup"].isin(["country-flag", "subdivision-flag"])).sum() == 261
    for column in ("name", "family", "character"):
        assert (table[column].str.len() > 0).all()
    assert not table["character"].map(lambda c: any(0x1F3FB <= ord(p) <= 0x1F3FF for p in c)).any()
    assert (table["id"] == table["character"].map(lambda c: "-".join(f"{ord(p):X}" for p in c))).all()


def test_every_picture_decodes_and_shows_something(table):
    for content in table["image"].iloc[::7]:
        with Image.open(io.BytesIO(content)) as picture:
            assert (picture.format, picture.size, picture.mode) == ("WEBP", (72, 72), "RGB")
            assert np.asarray(picture).std() > 1


def test_relatives_share_a_family(table):
    family = table.set_index("name")["family"]
    for kin in (
        ("health worker", "man health worker", "woman health worker"),
        ("one o’clock", "twelve-thirty"),
        ("flag: Norway", "flag: Bouvet Island", "flag: Japan"),
        ("red heart", "green heart"),
        ("person: red hair", "woman: red hair"),
        ("keycap: 0", "keycap: 9"),
        ("dog face", "dog"),
        ("full moon", "new moon"),
        ("speaker low volume", "speaker high volume"),
        ("kiss: man, man", "family: man, woman, boy"),
    ):
        assert family[list(kin)].nunique() == 1, kin
    assert family[["dog", "cat", "pizza", "rocket", "moon cake"]].nunique() == 5
    assert (table.groupby("image")["family"].nunique() == 1).all()
    assert table["family"].nunique() > 1200


@pytest.mark.parametrize("target", FACTS)
def test_question_does_not_hold_the_answer(target):
    X, y = load_emoji(target=target)
    assert X.shape == y.shape == (1601,)
    assert X.names == tuple(sorted(COLUMNS))
    seen = {field.name for field in X["facts"].fields}
    assert not seen & {target, "subgroup", "id", "emoji_version"}
    if target == "year":
        assert not seen & {"unicode_version", "carriers"}
        assert y.dtype == np.int64
    assert not np.isnan(X["facts"].values).any()
    assert set(X.rows.columns) == {"group", "subgroup", "character"}
    assert X["image"].kind == "image"
    assert isinstance(X["image"].items[0], bytes)


def test_absent_keywords_are_absent():
    X, _ = load_emoji(columns=["keywords"])
    assert (~X["keywords"].present).sum() == 21
    assert X["keywords"].items[~X["keywords"].present].tolist() == [None] * 21


def test_samples_and_flags():
    X, y = load_emoji(n=600)
    again, _ = load_emoji(n=600)
    other, _ = load_emoji(n=600, random_state=1)
    assert (X.ids == again.ids).all()
    assert set(X.ids) != set(other.ids)
    assert len(np.unique(y)) == 8
    assert load_emoji(flags=True, columns=["name"])[0].shape == (1870,)
    with pytest.raises(DataError, match="1601 there are") as caught:
        load_emoji(n=5000)
    assert caught.value.code == "S01"
    with pytest.raises(UnknownName, match="group, year"):
        load_emoji(target="price")
    with pytest.raises(UnknownName, match="sound"):
        load_emoji(columns=["sound"])
    with pytest.raises(UnknownName, match="one or more"):
        load_emoji(columns=[])


def test_names_alone_are_informative_and_far_from_perfect():
    X, y = load_emoji(columns=["name"], n=600)
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, class_weight="balanced", max_iter=500))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    score = cross_val_score(model, X["name"].items, y, groups=X.rows["group"], cv=folds).mean()
    majority = np.unique(y, return_counts=True)[1].max() / len(y)
    assert majority + 0.15 < score < 0.8
