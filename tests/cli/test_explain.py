"""``mcgurk explain``: shares by default, attention with its table, its picture and its doubts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mcgurk
from mcgurk.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a table of two texts and a number, and models of it."""
    folder = tmp_path_factory.mktemp("explain")
    rng = np.random.default_rng(0)
    words = ["good", "bad", "sun", "rain", "tree"]
    pick = lambda: [" ".join(rng.choice(words, size=rng.integers(5, 9))) for _ in range(40)]  # noqa: E731
    table = pd.DataFrame({"id": range(100, 140), "caption": pick(), "note": pick(), "size": rng.normal(size=40)})
    table["y"] = np.where(table.caption.str.count("good") > table.caption.str.count("bad"), "up", "down")
    table.to_csv(folder / "t.csv", index=False)
    X, y = mcgurk.read_csv(folder / "t.csv", target="y", text=["caption", "note"])
    for name, fusion in (("gated", "gated"), ("early", "early"), ("lowrank", "lowrank")):
        model = mcgurk.FusionClassifier(fusion, encoders={"text": "tfidf"}, epochs=2, patience=None)
        model.fit(X, y).save(folder / f"{name}.mcgurk")
    return folder


@pytest.fixture
def cli(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([*map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


def test_gates_table_and_picture(cli, made, tmp_path):
    code, out, err = cli(
        "explain", made / "gated.mcgurk", made / "t.csv", "--what", "attention", "-o", tmp_path / "w.csv", "--plot", tmp_path / "p.svg"
    )
    assert code == 0 and "over 40 rows" in out and "gate 0." in out and "Jain, Wallace 2019" in out, err
    frame = pd.read_csv(tmp_path / "w.csv")
    assert len(frame) == 40 * 3 and {"id", "source", "step", "key", "weight", "relevance"} <= set(frame.columns)
    assert frame.id.iloc[0] == 100 and (tmp_path / "p.svg").read_text().count("<svg") == 1


def test_rows_and_json(cli, made):
    code, out, _ = cli("explain", made / "gated.mcgurk", made / "t.csv", "--what", "attention", "--rows", 5, "--head", 2, "--json")
    told = json.loads(out)
    assert (
        code == 0
        and told["rows"] == 5
        and told["what"] == "attention"
        and {line["source"] for line in told["summary"]}
        == {
            "caption",
            "note",
            "tabular",
        }
    )
    assert told["erasure"] == [] and told["plot"] is None


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("early", ("--what", "attention"), "no fusion layer inside; those that have one are"),
        ("lowrank", ("--what", "attention"), "('lowrank') has no map to show"),
        ("gated", ("--what", "looks"), "one of shares, attention"),
        ("gated", ("--plot", "p.svg"), "belong to --what attention"),
        ("gated", ("--what", "attention", "--plot", "p.bmp"), "one of .svg, .png"),
        ("gated", ("--what", "attention", "--layer", "2"), "layer 2 was asked for; the maps have layers 1 to 1"),
    ],
)
def test_what_cannot_be_shown(cli, made, model, options, message):
    code, _, err = cli("explain", made / f"{model}.mcgurk", made / "t.csv", *options)
    assert code == 1 and message in err and "[C02]" in err


def test_steps_are_told_in_words(monkeypatch):
    from mcgurk.cli import explain

    nan = float("nan")
    line = {"part": "fusion", "kind": "attention", "target": "text", "source": "sound", "share": nan, "unit": "s", "rows": 3}
    sharp = line | {"lag": 0.28, "peak": 0.3, "relevant": 0.25, "entropy": 0.4}
    even = line | {"lag": 0.0, "peak": 0.1, "relevant": -0.2, "entropy": 0.999, "target": "sound", "source": "text", "share": 0.25}
    alone = line | {"lag": nan, "peak": nan, "relevant": nan, "entropy": nan}
    told = [" ".join(said.split()) for said in explain._told(pd.DataFrame([sharp, even, alone]))]
    assert told == [
        "text <- sound mean lag +0.28 s, most at +0.3 s, most relevant at +0.25 s, entropy 0.40 of even",
        "sound <- text share 0.250, most relevant at -0.2 s, everywhere alike",
        "text <- sound one step: all of it",
    ]
