"""The main job on planted data, with quick contestants."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest

import mcgurk
from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged
from mcgurk.errors import DataError, McgurkWarning, StoreError, UnknownName
from mcgurk.registry import Candidate
from mcgurk.study.compare import compare
from mcgurk.study.folder import verify


@pytest.fixture
def result(planted, fakes):
    X, y, groups = planted
    return compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names))


def test_the_planted_answer_is_found(result) -> None:
    worth = result.worth[(result.worth["recipe"] == "early") & result.worth["all"]].set_index("modality")
    assert worth.loc["image", "worth_low"] > 0 and worth.loc["text", "worth_low"] > 0
    assert worth.loc["noise", "worth_low"] < 0
    assert result.recommended in ("early", "early:-noise")
    text = str(result)
    assert text.startswith("Use early") and "Not shown to add anything" in text and "noise" in text
    assert "expect about that" in text and "without “image”" in text
    assert "significant" not in text and result.facts["answer"] == "helps"


def test_everybody_has_the_same_folds_and_paired_differences(result) -> None:
    table = result.to_frame().set_index("name")
    folds = result.folds.pivot(index=["repeat", "fold"], columns="name", values="score")
    assert len(folds) == 10 and not folds.isna().any().any()
    best = table[table["family"] == "single"].index[0]
    assert table.loc["early", "gain"] == pytest.approx((folds["early"] - folds[best]).mean())
    assert table["score"].to_dict() == pytest.approx(folds.mean().to_dict())
    assert table.loc["early", "gain_p_holm"] >= table.loc["early", "gain_p"]


def test_missing_modalities_are_taken_from_test_rows(result) -> None:
    gone = result.missing.set_index(["name", "modality"])
    assert gone.loc[("early", "image"), "change"] < -0.05
    assert abs(gone.loc[("early", "noise"), "change"]) < 0.1


def test_classes_groups_and_facts(result) -> None:
    assert set(result.per_class["class"]) == {"yes", "no"}
    assert (result.per_class["recall_low"] <= result.per_class["recall"]).all()
    assert len(result.per_group) == 0  # no group is large
    assert result.facts["groups"] == 60 and result.facts["target"]["task"] == "classes"
    assert result.metric["name"] == "accuracy" and result.seed == 0


def test_large_groups_are_looked_at(planted, fakes) -> None:
    X, y, _ = planted
    groups = np.where(np.arange(len(X)) < 60, "big", np.arange(len(X)) // 12)
    result = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names))
    table = result.per_group.set_index("group")["rows"]
    assert table.iloc[0] == 240 and table["without the largest group (big)"] == 180 and table["big"] == 60
    assert "Group by group" in result.report(Path(tempfile.mkdtemp()) / "r.html").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_result(planted, result, fakes) -> None:
    X, y, groups = planted
    again = compare(Dataset({n: X[n] for n in reversed(X.names)}), y, groups=groups, budget="quick", candidates=fakes.contestants(X.names))
    assert np.array_equal(again.folds["score"], result.folds["score"])
    other = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names), random_state=1)
    assert not np.array_equal(other.folds["score"], result.folds["score"])


def test_modalities_in_some_rows_are_told_on_those(result) -> None:
    table = result.table.set_index("name")
    assert 0.85 < table.loc["single:text", "seen"] < 0.95 and table.loc["single:image", "seen"] == 1.0
    assert table.loc["single:text", "on_seen"] > table.loc["single:text", "pooled"]
    assert "on the rows that have it: text alone 0." in str(result)
    assert table.loc["early", "on_seen"] == table.loc["early", "pooled"]


def test_warnings_that_differ_in_numbers_are_told_once(result) -> None:
    told = [(code, sentence, who) for code, sentence, who in result.warnings if code == "M04"]
    assert len(told) == 1 and told[0][2] == ("single:text",) and "times with other numbers" in told[0][1]


def test_faces(result, tmp_path) -> None:
    parsed = json.loads(result.to_json())
    assert parsed["recommended"] == result.recommended and parsed["plan"]["sha256"]
    assert "<table" in result._repr_html_() and result.sentences[0][:20] in result._repr_html_()
    assert result.plot().get_xlabel().startswith("accuracy")
    assert result.report(tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert set(result.provenance()) == {"plan", "seed", "versions"}


class Stop(Exception):
    """Somebody pulls the plug."""


def test_a_killed_run_resumes_bit_for_bit(planted, tmp_path, fakes) -> None:
    X, y, groups = planted
    straight = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names), output=tmp_path / "a")

    def unplug(done, total, what):
        if "fold 3" in what and "early fusion" in what:
            raise Stop

    with pytest.raises(Stop):
        compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names), output=tmp_path / "b", progress=unplug)
    assert verify(tmp_path / "b")["ok"]
    before = len(list((tmp_path / "b" / "cells").iterdir()))
    fakes.calls.clear()
    resumed = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names), output=tmp_path / "b")
    assert 0 < len(fakes.calls) < 10 * len(fakes.contestants(X.names)) - before + 5
    assert np.array_equal(resumed.folds["score"], straight.folds["score"])
    timeless = ["fit_seconds", "predict_seconds"]
    assert resumed.table.drop(columns=timeless).equals(straight.table.drop(columns=timeless))
    assert resumed.sentences == straight.sentences and resumed.per_class.equals(straight.per_class)


def test_a_folder_of_another_run_refuses(planted, tmp_path, fakes) -> None:
    X, y, groups = planted
    entered = fakes.contestants(X.names)[:3]
    compare(X, y, groups=groups, budget="quick", candidates=entered, output=tmp_path)
    for changed, said in [
        ({"X": X[:200], "y": y[:200], "groups": groups[:200]}, "other data"),
        ({"random_state": 1}, "other settings"),
        ({"candidates": fakes.contestants(X.names)[:2]}, "other contestants"),
    ]:
        with pytest.raises(StoreError, match=said) as error:
            compare(**{"X": X, "y": y, "groups": groups, "budget": "quick", "candidates": entered, "output": tmp_path} | changed)
        assert error.value.code == "K02"


def test_every_changed_byte_is_noticed(planted, tmp_path, fakes) -> None:
    X, y, groups = planted
    compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)[:3], output=tmp_path)
    assert verify(tmp_path) == {"ok": True, "checked": 2 + 1 + 30, "faults": []}
    for name in ("plan.json", "results.json", "report.html", next((tmp_path / "cells").iterdir()).relative_to(tmp_path).as_posix()):
        path = tmp_path / name
        data = path.read_bytes()
        path.write_bytes(data.replace(b"1", b"2", 1))
        assert not verify(tmp_path)["ok"], name
        path.write_bytes(data)
    (tmp_path / "report.html").unlink()
    assert "report.html is missing" in verify(tmp_path)["faults"]


def test_a_method_that_fails_is_said_to(planted, fakes) -> None:
    X, y, groups = planted
    entered = [*fakes.contestants(X.names)[:3], Candidate("broken", fakes.Broken, X.names, "early", "broken", label="broken method")]
    result = compare(X, y, groups=groups, budget="quick", candidates=entered)
    assert result.failed["broken"] == ("E99", "ValueError: this method cannot do that")
    assert "Could not be fitted: broken." in result.sentences[-1]
    with pytest.raises(DataError, match="none of 1 contestants") as error:
        compare(X, y, groups=groups, budget="quick", candidates=entered[-1:])
    assert error.value.code == "E06"


def test_numbers(planted, fakes) -> None:
    X, _, groups = planted
    rng = np.random.default_rng(0)
    y = 10 * X["image"].values[:, 0] + rng.normal(size=len(X)) + 100
    result = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names, number=True))
    assert result.metric["name"] == "mae" and not result.metric["greater"]
    table = result.table.set_index("name")
    assert table["score"].is_monotonic_increasing
    assert result.recommended == "single:image"
    assert "needs “image”; a row without it" in str(result)
    assert "(lower is better; differences are given as improvements)" in result.sentences[0]
    assert table.loc["single:noise", "over_baseline_low"] < 0 < table.loc["single:image", "over_baseline_low"]
    assert len(result.per_class) == 0


def test_a_given_split_is_used_and_bootstrapped(planted, fakes) -> None:
    X, y, groups = planted
    split = np.where(np.arange(len(X)) < 160, "train", "test")
    X = X.with_rows(split=split, speaker=np.arange(len(X)) % 30)
    with pytest.warns(McgurkWarning, match="100 % of the test rows have a speaker") as caught:
        result = compare(X, y, groups=groups, candidates=fakes.contestants(X.names))
    assert caught[0].message.code == "I03"
    assert len(result.folds) == len(result.table) and result.plan["folds"]["scheme"] == "given"
    line = result.table.set_index("name").loc["early"]
    assert line["low"] < line["score"] < line["high"]
    assert "one split" in str(result)
    again = compare(X, y, groups=groups, candidates=fakes.contestants(X.names), folds=3)
    assert again.plan["folds"]["folds"] == 3
    with pytest.raises(DataError, match="row fact 'split'"):
        compare(X.select(X.names)[:100], y[:100], candidates=fakes.contestants(X.names), folds="given")


def test_labels_of_steps(fakes) -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(3, 9, 60)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    X = Dataset({"a": Dense(rng.normal(size=(60, 3)))})

    class PerStep(fakes.Linear):
        """Says of every step what it says of the row."""

        def _fit(self, data, run):
            self.lengths = {int(i): int(n) for i, n in zip(data.X.ids, np.diff(data.y.offsets))}

        def _scores(self, X):
            return np.zeros((int(lengths[X.ids].sum()), 2))

    y = Ragged(rng.integers(0, 2, offsets[-1]), offsets, None, None, "series")
    result = compare(X, y, budget="quick", candidates=[Candidate("step", PerStep, ("a",), "single", "step")])
    assert result.facts["rows"] == 60 and result.facts["predicted"] == offsets[-1]
    assert result.table["pooled"].iloc[0] == pytest.approx((y.values == 0).mean())


def test_unlabelled_rows_are_left_out_and_counted(planted, fakes) -> None:
    X, y, groups = planted
    y = y.astype(object)
    y[:5] = None
    with pytest.warns(McgurkWarning, match="5 of 240 rows have no label"):
        result = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)[:2])
    assert result.facts["rows"] == 235 and result.facts["unlabelled"] == 5


def test_columns_that_look_like_groups_are_pointed_out(fakes) -> None:
    rng = np.random.default_rng(0)
    n = 120
    author = rng.integers(0, 30, n).astype(float)
    table = Dense(
        np.c_[rng.normal(size=n), author],
        kind="tabular",
        fields=(Field("age"), Field("author", "category", tuple(f"a{i}" for i in range(30)))),
    )
    X = Dataset({"tabular": table, "text": Lazy([f"words {i}" for i in range(n)])})
    entered = [Candidate("one", fakes.Linear, ("tabular",), "single", "one")]
    with pytest.warns(McgurkWarning, match="author") as caught:
        compare(X, rng.choice(["a", "b"], n), budget="quick", candidates=entered)
    assert "H03" in [w.message.code for w in caught if isinstance(w.message, McgurkWarning)]


def test_one_modality_is_not_a_combination(planted, fakes) -> None:
    X, y, groups = planted
    result = compare(X.select(["text"]), y, groups=groups, budget="quick", candidates=fakes.contestants(("text",))[:2])
    assert result.facts["answer"] == "one modality" and "nothing could be combined" in str(result)


def test_patterns_choose_and_baselines_stay(planted, fakes) -> None:
    from mcgurk.study.compare import contestants as chosen_of
    from mcgurk.study.contest import Subject
    from mcgurk.study.settings import Budget, Settings, encode

    X, y, _ = planted
    subject = Subject(X, y, encode(y, "classes"), None)
    settings = Settings("classes", "accuracy", Budget("quick"), 5, 1, 0)
    names = [c.name for c in chosen_of(subject, settings, ["single:*"], None)[0]]
    assert names[0] in ("average", "boosting") and "single:text" in names and "auto" not in names
    asked, _ = chosen_of(subject, settings, ["single:*"], ["early", ("late", {"rule": "mean"})])
    assert [c.name for c in asked[-2:]] == ["recipe:early", "recipe:late(rule=mean)"]
    assert type(asked[-1].make()) is mcgurk.FusionClassifier


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"y": None}, "needs y"),
        ({"y": ["a", "b"]}, "y has 2 rows, X has 240"),
        ({"folds": 1}, "folds=1"),
        ({"budget": "huge"}, "budget 'huge'"),
        ({"metric": "mae"}, "does not measure classes"),
        ({"groups": "speaker"}, "is no row fact"),
        ({"groups": [1, 2]}, "groups has shape"),
        ({"candidates": ["nobody*"]}, "no contestant is called"),
        ({"candidates": [Candidate("a", object, ("x",), "single", "a")]}, "columns that are not there"),
        ({"candidates": [Candidate("a", object, ("text",), "single", "a")] * 2}, "names repeat"),
    ],
)
def test_what_cannot_be_meant(planted, options, said) -> None:
    X, y, groups = planted
    with pytest.raises((DataError, UnknownName), match=said):
        compare(**{"X": X, "y": y, "groups": groups, "budget": "quick"} | options)


def test_a_baseline_that_wins_is_said_to(planted, fakes) -> None:
    X, _, groups = planted
    y = np.random.default_rng(5).choice(["a", "b"], len(X), p=[0.75, 0.25])
    result = compare(X, y, groups=groups, metric="accuracy", budget="quick", candidates=fakes.contestants(X.names))
    assert result.recommended == "majority"
    assert "That is a baseline" in str(result)
    assert result.facts["answer"] in ("not shown", "harms")


def test_warnings_of_fits_are_collected_not_shown(planted, fakes) -> None:
    X, y, groups = planted
    with warnings.catch_warnings():
        warnings.simplefilter("error", McgurkWarning)
        result = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)[:4])
    assert any(code == "M04" for code, _, _ in result.warnings)


KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
import conftest
planted = conftest.data()
from mcgurk.study.compare import compare
def plug(done, total, what):
    if done > {when} * total:
        os.kill(os.getpid(), signal.SIGKILL)
X, y, groups = planted
compare(X, y, groups=groups, budget="quick", candidates=conftest.contestants(X.names), output={out!r}, progress=plug)
"""


@pytest.mark.parametrize("when", [0.02, 0.4, 0.9])
def test_kill_minus_nine(planted, fakes, tmp_path, when) -> None:
    X, y, groups = planted
    script = KILLED.format(here=str(Path(__file__).parent), out=str(tmp_path), when=when)
    died = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=100)
    assert died.returncode == -9, died.stderr
    assert verify(tmp_path)["ok"]
    entered = fakes.contestants(X.names)
    resumed = compare(X, y, groups=groups, budget="quick", candidates=entered, output=tmp_path)
    straight = compare(X, y, groups=groups, budget="quick", candidates=entered)
    assert np.array_equal(resumed.folds["score"], straight.folds["score"]) and resumed.missing.equals(straight.missing)
    assert not list(tmp_path.rglob("*.tmp"))


def layer_file(folder: Path) -> None:
    """What a paper's author writes: one layer in one file."""
    (folder / "authors_layer.py").write_text(
        "from mcgurk.fusion import Concat\n\n\nclass Mine(Concat):\n    '''Concatenation under another name.'''\n", encoding="utf-8"
    )


def test_a_stranger_s_layer_in_one_file_stands_in_the_table_and_resumes(planted, fakes, tmp_path, monkeypatch) -> None:
    X, y, groups = planted
    layer_file(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    X, y, groups = X[:120], y[:120], groups[:120]
    asked = {"groups": groups, "budget": "quick", "folds": 2, "repeats": 1, "candidates": fakes.contestants(X.names)[:3]}
    asked["fusions"] = ["authors_layer:Mine,mfas", ("lowrank", {"rank": 1, "width": 4})]
    result = compare(X, y, output=tmp_path / "run", **asked)
    table = result.table.set_index("name")
    assert {"layer:authors_layer:Mine", "layer:lowrank(rank=1, width=4)"} <= set(table.index)
    assert table.loc["layer:authors_layer:Mine", "label"] == "Mine layer"
    assert table.loc["layer:lowrank(rank=1, width=4)", "paper"].startswith("Liu")
    assert table.loc["layer:authors_layer:Mine", "parameters"] > 0 and table.loc["layer:authors_layer:Mine", "operations"] > 0
    assert result.refused == {"mfas": "it fuses 2 modalities, and the data has 3"}
    assert "Could not enter, for reasons given with the results: mfas." in str(result) and result.plan["refused"] == result.refused
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Did not take part" in page and "it fuses 2 modalities" in page and "Liu, Shen" in page and "epochs 60" in page
    fakes.calls.clear()
    again = compare(X, y, output=tmp_path / "run", **asked)
    assert again.folds.equals(result.folds) and len(fakes.calls) <= 1  # the model that is saved, nothing else
    with pytest.raises(StoreError, match="other contestants"):
        compare(X, y, output=tmp_path / "run", **{**asked, "fusions": "lowrank"})


def test_a_limit_is_said_and_all_has_one(planted, fakes) -> None:
    X, y, groups = planted
    dear = [Candidate(f"layer:{n}", lambda n=n: fakes.Linear(n), X.names, "layer", f"layer:{n}", cost=c) for n, c in (("a", 5), ("b", 900))]
    result = compare(X, y, groups=groups, budget=5, folds=2, repeats=1, candidates=[*fakes.contestants(X.names)[:2], *dear])
    assert result.plan["dropped"] == ["layer:b"] and "layer:a" in set(result.table["name"])
    assert "Left out to keep to about 5 min, the dearest first: layer:b." in str(result)
    from mcgurk.study.settings import Budget

    assert Budget.of("quick").limited().minutes == 15 and Budget.of("20m").limited().minutes == 20
    assert Budget.of("thorough").limited().minutes is None
