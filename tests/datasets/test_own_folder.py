"""Readers of sets that are not shipped: a toy folder of each layout always, the real counts where the real folder is."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
import soundfile
from PIL import Image

from mcgurk.data.column import Ragged
from mcgurk.datasets.cmu_mosi import load_cmu_mosi
from mcgurk.datasets.grid import load_grid
from mcgurk.datasets.houses import ROOMS, load_houses
from mcgurk.datasets.political_ads import load_political_ads
from mcgurk.errors import DataError, UnknownName


def write_csv(path, lines, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding=encoding, newline="") as handle:
        csv.writer(handle).writerows(lines)


def photo(seed: int, quality: int = 90) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def houses(tmp_path):
    folder = tmp_path / "houses"
    folder.mkdir()
    lines = [f"{1 + i % 4} {1 + (i % 5) / 2} {900 + i} {'01201' if i < 26 else '94501'} {100000 + i}" for i in range(28)]
    (folder / "HousesInfo.txt").write_text("\n".join(lines) + "\n")
    with zipfile.ZipFile(folder / "images_160px.zip", "w") as archive:
        for i in range(1, 29):
            for r, room in enumerate(ROOMS):
                if (i, room) == (5, "kitchen"):
                    continue
                seed, quality = (1000 * 3 + r, 80) if (i, room) == (7, "bedroom") else (1000 * i + r, 90)
                archive.writestr(f"{i}_{room}.jpg", photo(seed, quality))
    return tmp_path


def test_houses_toy(houses):
    X, y, info = load_houses(houses)
    assert X.shape == (28,)
    assert info["twins"] == [(3, 7)]
    group = dict(zip(X.ids, X.rows["group"]))
    assert group[3] == group[7]
    assert X.rows["group"].nunique() == 27
    assert X["kitchen"].present.sum() == 27
    assert [f.kind for f in X["tabular"].fields] == ["number", "number", "number", "category"]
    assert X["tabular"].fields[3].levels == ("01201", "94501")
    assert y[0] == 100000
    large, _, info = load_houses(houses, zips="large", group="zip")
    assert large.shape == (26,)
    assert set(large.rows["group"]) == {"01201"}
    assert info["zips"] == 1
    with pytest.raises(UnknownName, match="'twins' or 'zip'"):
        load_houses(houses, group="street")
    (houses / "houses" / "HousesInfo.txt").unlink()
    with pytest.raises(DataError, match=r"lacks HousesInfo\.txt"):
        load_houses(houses)


def test_houses_real(data_root):
    X, y, info = load_houses(data_root("houses"))
    assert X.shape == (535,)
    assert all(X[room].present.all() for room in ROOMS)
    table = X["tabular"].values
    assert (y.min(), y.max()) == (22_000, 5_858_000)
    assert (table[:, 0].min(), table[:, 0].max(), table[:, 1].max()) == (1, 10, 7)
    assert (table[:, 2].min(), table[:, 2].max()) == (701, 9_583)
    assert info["zips"] == 49
    assert {(199, 214), (59, 72), (292, 293), (331, 351)} <= set(info["twins"])
    large, _, info = load_houses(data_root("houses"), zips="large")
    assert large.shape == (362,)
    assert info["zips"] == 7


HEADER = ["ad_id", "text", "detected_entities", "start", "end", "field", "CAND", "TONE", "chunk1", "chunk2"]


def mention(ad, text, field, candidate, tone):
    return [ad, text, "X", 0, 1, field, candidate, tone, "", ""]


@pytest.fixture
def ads(tmp_path):
    train = [
        mention("a1", "$T$ is great, don’t miss", "ad_creative_body", "Ann", 1),
        mention("a1", "Ann is great, $T$", "ad_creative_body", "Ann", 1),
        mention("a1", "$T$", "page_name", "Ann", 1),
        mention("a1", "$T$", "disclaimer", "Ann", 1),
        mention("a1", "NA", "asr", "Bob", -1),
        mention("a2", "$T$ is there", "ocr", "Bob", 0),
    ]
    test = [mention("a3", "$T$ lies", "ocr", "Bob", -1)]
    for split, lines in (("train", train), ("test", test)):
        write_csv(tmp_path / "political_ads" / "absa" / f"generic_separate_absa_{split}20.csv", [HEADER, *lines], "cp1252")
    return tmp_path


def test_ads_toy(ads):
    X, y, info = load_political_ads(ads)
    assert X.names == ("asr", "body", "ocr", "other")
    assert y.tolist() == [1, -1, -1]
    assert X.ids.tolist() == ["a1/Ann", "a1/Bob", "a3/Bob"]
    assert X["body"].items[0] == "$T$ is great, don’t miss\nAnn is great, $T$"
    assert X["other"].items[0] == "$T$"
    assert X["asr"].items[1] == "NA"
    assert X.present.tolist() == [[False, True, False, True], [True, False, False, False], [False, False, True, False]]
    assert X.rows["split"].tolist() == ["train", "train", "test"]
    assert X.rows["group"].tolist() == ["a1", "a1", "a3"]
    assert info["mentions"] == 6
    X, y, _ = load_political_ads(ads, unit="mention", group="candidate", neutral=True)
    assert X.shape == (7,)
    assert set(y) == {-1, 0, 1}
    assert X.rows["unit"].tolist()[:2] == ["a1/Ann", "a1/Ann"]
    assert X.rows["group"].tolist()[-1] == "Bob"
    with pytest.raises(UnknownName, match="mention"):
        load_political_ads(ads, unit="ad")


def test_ads_real(data_root):
    root = data_root("political_ads")
    X, y, info = load_political_ads(root)
    train = (X.rows["split"] == "train").to_numpy()
    assert (train.sum(), (~train).sum()) == (2595, 1167)
    nothing = ~X.select(["body", "asr", "ocr"]).present.any(axis=1)
    assert (nothing[train].sum(), nothing[~train].sum()) == (303, 145)
    assert X.present.any(axis=1).all()
    assert not (X["asr"].present & X["ocr"].present).any()
    assert set(y) == {-1, 1}
    assert not set(X.rows["ad"][train]) & set(X.rows["ad"][~train])
    every, tone, info = load_political_ads(root, unit="mention", neutral=True)
    train = (every.rows["split"] == "train").to_numpy()
    assert (train.sum(), (~train).sum(), info["mentions"]) == (6431, 2875, 9306)
    assert (every.rows["ad"][train].nunique(), every.rows["ad"][~train].nunique()) == (2050, 879)
    assert abs((tone == 1).mean() - 0.49) < 0.01
    seen = every.rows["candidate"][~train].isin(set(every.rows["candidate"][train]))
    assert abs(seen.mean() - 0.94) < 0.01


@pytest.fixture
def mosi(tmp_path):
    folder = tmp_path / "cmu_mosi"
    spoken = [("v1_10", "LAST", 0), ("v1_2", "FIRST", 1), ("v2_1", "ONLY", 1), ("v3_b_1", "TEST", 0)]
    write_csv(folder / "transcripts.csv", [[i, words, k, label] for k, (i, words, label) in enumerate(spoken)])
    for split, rows in (("train", [0, 1, 2]), ("test", [3])):
        write_csv(folder / f"text_{split}.csv", [[r, 0.5, 0.25] for r in rows])
        for kind, width in (("audio", 73), ("text", 100), ("video", 100)):
            write_csv(folder / kind / f"{kind}_{split}0.csv", [[*([r + 0.5] * width), spoken[r][2]] for r in rows])
    return tmp_path


def test_mosi_toy(mosi):
    X, y, info = load_cmu_mosi(mosi)
    assert X.names == ("sound", "words")
    assert X.ids.tolist() == ["v1_2", "v1_10", "v2_1", "v3_b_1"]
    assert X["words"].items.tolist() == ["FIRST", "LAST", "ONLY", "TEST"]
    assert y.tolist() == [1, 0, 1, 0]
    assert X["sound"].values[:, 0].tolist() == [1.5, 0.5, 2.5, 3.5]
    assert X.rows["group"].tolist() == ["v1", "v1", "v2", "v3_b"]
    assert X.rows["split"].tolist() == ["train", "train", "train", "test"]
    assert X.rows["step"].tolist() == [0, 1, 0, 0]
    assert info["videos"] == 3
    V, steps, _ = load_cmu_mosi(mosi, rows="video", leaky=True)
    assert V.names == ("sound", "text_leaky", "video_leaky", "words")
    assert V["words"].items[0] == ("FIRST", "LAST")
    assert V["sound"].lengths.tolist() == [2, 1, 1]
    assert isinstance(steps, Ragged)
    assert np.array_equal(steps.offsets, V["sound"].offsets)
    assert steps.values.tolist() == y.tolist()
    with pytest.raises(UnknownName, match="utterance"):
        load_cmu_mosi(mosi, rows="word")
    write_csv(mosi / "cmu_mosi" / "audio" / "audio_test0.csv", [[*([0.5] * 73), 1]])
    with pytest.raises(DataError, match="disagree") as caught:
        load_cmu_mosi(mosi)
    assert caught.value.code == "L01"


def test_mosi_real(data_root):
    root = data_root("cmu_mosi")
    X, y, info = load_cmu_mosi(root)
    train = (X.rows["split"] == "train").to_numpy()
    assert (train.sum(), (~train).sum(), info["videos"]) == (1447, 752, 93)
    assert abs(y[train].mean() - 0.490) < 0.0005
    assert abs(y[~train].mean() - 0.621) < 0.0005
    assert X["sound"].values.shape == (2199, 73)
    assert not set(X.rows["group"][train]) & set(X.rows["group"][~train])
    V, steps, _ = load_cmu_mosi(root, rows="video")
    assert V.rows["split"].value_counts().to_dict() == {"train": 62, "test": 31}
    assert np.array_equal([len(words) for words in V["words"].items], np.diff(steps.offsets))
    assert np.array_equal(steps.values, y)


@pytest.fixture
def grid(tmp_path):
    folder = tmp_path / "grid_s1"
    clips = ("bbaf2n", "bbaf3s", "lrae3s")
    lines = [["clip", "start_s", "end_s", "word"]]
    for clip in clips:
        words = ("sil", "bin", "blue", "at", "f", "two", "sp", "now", "sil")
        lines += [[clip, k / 10, (k + 1) / 10, word] for k, word in enumerate(words)]
    write_csv(folder / "word_alignments.csv", lines)
    with zipfile.ZipFile(folder / "audio_16k_ogg.zip", "w") as archive:
        for clip in clips:
            archive.writestr(f"{clip}.ogg", b"OggS" + clip.encode())
    for part, clip, frames in (("mouth_0000_0249", clips[0], 3), ("mouth_0250_0499", clips[1], 2)):
        mouth = np.arange(3, dtype=np.uint8)[None, :, None, None] * np.ones((1, 3, 32, 48), dtype=np.uint8)
        np.savez(folder / f"{part}.npz", mouth=mouth, n_frames=np.array([frames], dtype=np.uint8), names=np.array([clip]))
    return tmp_path


def test_grid_toy(grid):
    X, y, _ = load_grid(grid)
    assert X.ids.tolist() == ["bbaf2n", "bbaf3s"]
    assert y.tolist() == ["two", "two"]
    assert X["mouth"].lengths.tolist() == [3, 2]
    assert X["mouth"].row(1)[1, 0, 0] == 1
    assert X["mouth"].row_times(1).tolist() == [0.0, 0.04]
    assert X["sound"].items[1] == b"OggSbbaf3s"
    assert X.rows.iloc[0].tolist() == [0.5, 0.6, "bin blue at f two now"]
    X, _, info = load_grid(grid, target="adverb", mouth_only=False)
    assert X["mouth"].present.tolist() == [True, True, False]
    assert info["clips"] == 3
    with pytest.raises(UnknownName, match="letter"):
        load_grid(grid, target="vowel")


def test_grid_real(data_root):
    root = data_root("grid_s1")
    X, y, _ = load_grid(root, target="letter", mouth_only=False)
    letters, counts = np.unique(y, return_counts=True)
    assert len(X) == 1000
    assert (len(letters), set(counts.tolist())) == (25, {40})
    assert "w" not in letters
    assert X["mouth"].present.sum() == 500
    lengths = X["mouth"].lengths[X["mouth"].present]
    assert np.flatnonzero(lengths != 75).tolist() == [363]
    assert lengths[363] == 74
    assert all(len(s.split()) == 6 for s in X.rows["sentence"])


@pytest.mark.parametrize("noise", ["white", "babble"])
def test_grid_noise(grid, noise):
    for clip in range(6):
        words = [[f"talk{clip}", str(k / 10), str((k + 1) / 10), "bin"] for k in range(6)]
        with (grid / "grid_s1" / "word_alignments.csv").open("a", newline="") as file:
            csv.writer(file).writerows(words)
    with zipfile.ZipFile(grid / "grid_s1" / "audio_16k_ogg.zip", "w") as archive:
        for clip in ("bbaf2n", "bbaf3s", "lrae3s", *(f"talk{k}" for k in range(6))):
            file = io.BytesIO()
            soundfile.write(file, np.sin(np.arange(16000) * 0.05).astype("f4"), 16000, format="OGG")
            archive.writestr(f"{clip}.ogg", file.getvalue())
    X, _, facts = load_grid(grid, snr=-5.0, noise=noise)
    same, _, _ = load_grid(grid, target="letter", snr=-5.0, noise=noise)
    assert X["sound"].kind == "audio" and X["sound"].lengths.tolist() == [16000, 16000]
    assert np.array_equal(X["sound"].values, same["sound"].values)
    assert (facts["snr"], facts["noise"]) == (-5.0, noise)
    with pytest.raises(UnknownName, match="babble"):
        load_grid(grid, snr=0.0, noise="rain")
