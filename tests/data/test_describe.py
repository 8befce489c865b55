"""What a table holds."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged
from mcgurk.data.describe import describe, is_mojibake, said
from mcgurk.data.fingerprint import fingerprint


@pytest.fixture
def table(tmp_path) -> Dataset:
    import soundfile
    from PIL import Image

    photos = []
    for i in range(12):
        path = tmp_path / f"{i}.png"
        rng = np.random.default_rng(i // 2)
        Image.fromarray(rng.integers(0, 255, (20 + i // 2, 30, 3), dtype=np.uint8)).save(path)
        photos.append(path if i != 5 else None)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    photos[11] = tmp_path / "broken.png"
    sounds = []
    for i in range(12):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, np.zeros(800 * (i + 1)), 8000)
        sounds.append((path, path) if i % 2 else (path,))
    cells = np.stack([np.arange(12.0), np.arange(12) % 2.0, 19000 + np.arange(12.0), np.ones(12)], axis=1)
    fields = (Field("size"), Field("colour", "category", ("red", "blue")), Field("when", "date"), Field("same"))
    lengths = np.arange(12) % 4
    texts = [
        "itâ€™s damaged",
        "",
        "a\x00b",
        "turned \u202eround",
        "The same words here",
        "the SAME words, here",
        None,
        *(f"text {i}" for i in range(5)),
    ]
    return Dataset(
        {
            "photo": Lazy(photos, kind="image"),
            "sound": Lazy(sounds, kind="audio"),
            "table": Dense(cells, None, "tabular", (*fields,)),
            "series": Ragged(
                np.zeros((lengths.sum(), 2)), np.concatenate([[0], np.cumsum(lengths)]), None, np.arange(lengths.sum()) * 0.04
            ),
            "text": Lazy(texts),
            "vector": Dense(np.zeros((12, 3), dtype=np.float32), np.arange(12) != 3),
            "gone": Lazy([None] * 12),
        },
        rows=pd.DataFrame({"group": np.arange(12) // 3}),
    )


def test_every_column_is_described(table):
    y = np.array(["a", "b"] * 6)
    before = fingerprint(table.select(["text", "table"]))
    found = describe(table, y)
    assert fingerprint(table.select(["text", "table"])) == before
    facts = {c.name: c for c in found.columns}
    assert set(facts) == {"photo", "sound", "size", "colour", "when", "same", "series", "text", "vector", "gone"}
    assert (
        facts["photo"].facts["height"]["max"] == 25
        and facts["photo"].facts["unreadable"] == 1
        and facts["photo"].present == pytest.approx(11 / 12)
    )
    assert facts["sound"].facts["rates"] == {"8000 Hz": 18} and facts["sound"].facts["items a cell"]["max"] == 2
    assert facts["sound"].facts["seconds"]["max"] == 1.2
    assert facts["colour"].facts == {"levels": {"red": 6, "blue": 6}} and facts["when"].facts["from"] == "2022-01-08"
    assert facts["series"].empty == 3 and facts["series"].facts["steps a second"] == pytest.approx(25)
    assert facts["text"].empty == 1 and facts["text"].facts["distinct"] == 11
    assert facts["vector"].facts == {"item": "3", "type": "float32"}
    assert found.target == {"task": "classes", "labelled": 12, "classes": {"a": 6, "b": 6}}
    assert found.patterns[0]["rows"] > 5 and sum(p["rows"] for p in found.patterns) == 12


def test_every_finding_has_its_code(table):
    codes = [(f.code, f.column) for f in describe(table, np.arange(12) % 2).findings]
    for expected in (
        ("M03", "series"),
        ("M03", "text"),
        ("N02", "same"),
        ("N02", "gone"),
        ("I03", "photo"),
        ("I03", "text"),
        ("I03", "group"),
    ):
        assert expected in codes, expected
    assert codes.count(("X01", "text")) == 3


def test_it_can_be_shown_and_kept(table):
    found = describe(table, np.linspace(0, 1, 12) ** 2)
    assert list(found.to_frame().columns) == ["column", "kind", "present", "empty", "facts"]
    again = json.loads(found.to_json())
    assert again["rows"] == 12 and again["columns"][0]["name"] == "gone" and again["target"]["task"] == "classes"
    assert "<ul><li><b>" in found._repr_html_()
    assert describe(table).target is None and describe(table, near=False).rows == 12
    assert "not described" in describe(table, np.zeros((12, 2))).target["task"]


def test_numbers_as_target():
    X = Dataset({"v": Dense(np.random.default_rng(0).normal(size=(50, 3)))})
    assert describe(X, np.random.default_rng(1).permutation(50.0 * np.arange(50))).target["task"] == "number"


def test_rows_without_any_modality():
    found = describe(Dataset({"t": Lazy(["a", None, ""])}))
    assert [f.code for f in found.findings] == ["M03", "M01"]


def test_videos_and_flags(tmp_path):
    from media_factory import VIDEOS, seed

    path = tmp_path / "v.mp4"
    path.write_bytes(seed(next(iter(VIDEOS))))
    facts = describe(
        Dataset({"v": Lazy([path], kind="video"), "t": Dense(np.array([[1.0]]), None, "tabular", (Field("f", "flag"),))})
    ).columns
    assert facts[0].facts["true"] == 1 and facts[1].facts["width"]["max"] > 0


@pytest.mark.parametrize("text", ["itâ€™s", "Ã¤rger", "cafÃ©", "â‚¬5", "ï¿½", "naÃ¯ve", "Ð¿Ñ€Ð¸"])
def test_mojibake(text):
    assert is_mojibake(text)


@pytest.mark.parametrize("text", ["Ärger", "naïve", "5 €", "château", "“quoted”", "Привет", "日本", "Â", "ÂME SŒUR", "Ã", ""])
def test_honest_letters(text):
    assert not is_mojibake(text)


def test_figures_in_words():
    assert (
        said({"words": {"min": 1.0, "median": 4.0, "max": 12.0}, "width": {"min": 3, "median": 3, "max": 3}})
        == "words 1 to 12, median 4; width 3"
    )
    assert (
        said({"levels": dict.fromkeys("abcdef", 1), "x": 0.123456, "item": "3"})
        == "levels a (1), b (1), c (1), d (1) and 2 more; x 0.1235; item 3"
    )
