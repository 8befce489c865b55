"""Rows that share content."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Dataset, Dense, Lazy, Ragged
from mcgurk.data.twins import difference_hash, near_twins, plain_text, tied_rows, twins


def picture(path, seed, size=(40, 30), quality=95):
    from PIL import Image

    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8)).resize((200, 150), Image.Resampling.BICUBIC)
    coarse.resize(size).save(path, quality=quality)
    return path


def test_equal_files_tie_whatever_their_names(tmp_path):
    a, b, c = (picture(tmp_path / f"{name}.png", seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    X = Dataset({"photo": Lazy([a, b, c, None, tmp_path / "gone.png"], kind="image")})
    assert twins(X).tolist() == [0, 0, 1, 2, 3]
    assert twins(Dataset({"photo": Lazy([str(a), b, a.read_bytes()], kind="image")})).tolist()[:2] == [0, 0]


def test_ties_run_through_columns_and_cells():
    X = Dataset(
        {
            "a": Lazy(["one same text here", "one same text here", "quite another text", None]),
            "b": Lazy([None, ("x y z", "p q r"), ("p q r",), ("lonely text of words",)]),
        }
    )
    assert twins(X).tolist() == [0, 0, 0, 1]


def test_numbers_tie_only_where_chance_cannot():
    same = np.tile(np.arange(8.0), (3, 1))
    assert twins(Dataset({"v": Dense(same)})).tolist() == [0, 0, 0]
    assert twins(Dataset({"v": Dense(same[:, :7])})).tolist() == [0, 1, 2]
    assert twins(Dataset({"v": Dense(same, None, "tabular")})).tolist() == [0, 1, 2]
    assert twins(Dataset({"v": Dense(same, np.array([True, False, True]))})).tolist() == [0, 1, 0]
    series = Ragged(np.tile(np.arange(8.0), 2), [0, 8, 8, 16], np.array([True, True, True]))
    assert twins(Dataset({"s": series})).tolist() == [0, 1, 0]


def test_templates_and_empty_and_short_texts_tie_nothing():
    n = 1000
    texts = [f"text number {i} of many" for i in range(n)]
    texts[:11] = ["sent from my telephone"] * 11
    texts[20:30] = ["a quote of ten rows"] * 10
    texts[40:42] = ["", ""]
    texts[50:52] = ["red", "red"]
    found = twins(Dataset({"t": Lazy(texts)}))
    assert len(set(found[:11])) == 11 and len(set(found[20:30])) == 1 and found[40] != found[41] and found[50] != found[51]
    few = twins(Dataset({"t": Lazy(["the same text again"] * 5 + ["another text of words"] * 6)}))
    assert len(set(few[:5])) == 1 and len(set(few[5:])) == 6


def test_the_shared_rows_of_one_column():
    groups = list(tied_rows(Lazy(["some long text a", "b", "some long text a", None])).values())
    assert [g.tolist() for g in groups] == [[0, 2]]


def test_texts_that_differ_only_in_writing():
    assert plain_text("  Red—COTTON dress! ") == plain_text("red cotton DRESS") == "red cotton dress"
    assert plain_text("ﬁne Ａ") == "fine a"
    groups = near_twins(Lazy(["Red cotton dress!", "red cotton dress", "blue cotton dress", None, "!"]))
    assert [g.tolist() for g in groups] == [[0, 1]]
    assert near_twins(Dense(np.zeros((3, 9)))) == [] and near_twins(Lazy([b"x"], kind="audio")) == []


def test_pictures_that_look_alike(tmp_path):
    paths = [
        picture(tmp_path / "a.png", 1),
        picture(tmp_path / "a.jpg", 1, (80, 60), 60),
        picture(tmp_path / "b.png", 2),
        tmp_path / "gone.png",
        picture(tmp_path / "c.png", 3),
    ]
    assert [g.tolist() for g in near_twins(Lazy(paths, kind="image"))] == [[0, 1]]
    from mcgurk.data.media import read_image

    arrays = np.stack([read_image(p, size=(60, 80)) for p in (paths[0], paths[1], paths[2])])
    assert [g.tolist() for g in near_twins(Dense(arrays, kind="image"))] == [[0, 1]]
    assert near_twins(Lazy([None, None], kind="image")) == []


def test_flat_and_tiny_pictures_have_no_hash():
    assert difference_hash(np.full((20, 20), 7)) is None
    assert difference_hash(np.arange(16.0).reshape(4, 4)) is None
    assert difference_hash(b"no picture") is None
    assert difference_hash(np.tile(np.arange(90.0), (80, 1))) == 2**64 - 1


@pytest.mark.parametrize("rows", [(198, 213)])
def test_the_known_twins_of_the_houses(rows):
    import io
    import os
    import zipfile
    from pathlib import Path

    root = Path(os.environ.get("MCGURK_DATA", "nowhere")) / "houses" / "images_160px.zip"
    if not root.exists():
        pytest.skip("the houses are not in MCGURK_DATA")
    with zipfile.ZipFile(root) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        frontal = [archive.read(names[f"{i}_frontal.jpg"]) for i in range(1, 536)]
    found = twins(Dataset({"front": Lazy(frontal, kind="image")}))
    assert found[rows[0]] == found[rows[1]] and io.BytesIO(frontal[0]).read(2) == b"\xff\xd8"
