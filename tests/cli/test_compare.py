"""From a table of one's own to a report, a model and predictions, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mcgurk.cli import main

QUICK = ("--budget", "quick", "--folds", "2", "--repeats", "1", "--candidate", "single:*", "--candidate", "early:linear*", "--quiet")


@pytest.fixture
def cli(capsys):
    """Run a command line: exit code, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([*map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.fixture
def table(tmp_path) -> Path:
    """100 rows: a text and two numbers, both useful, with holes."""
    rng = np.random.default_rng(0)
    lines = ["id,caption,weight,rating,tone"]
    for i in range(100):
        warm, heavy = rng.random(2) > 0.5
        caption = f"{'red sunny' if warm else 'blue rainy'} dress number {i}" if i % 9 else ""
        lines.append(
            f"{1000 + i},{caption},{heavy + 0.3 * rng.normal():.3f},{rng.normal() if i % 7 else '':.4}".rstrip()
            + f",{'pos' if warm and heavy else 'neg'}"
        )
    path = tmp_path / "ads.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_compare(cli, table, tmp_path) -> None:
    where = tmp_path / "run"
    code, out, err = cli("compare", table, "--target", "tone", "-o", where, *QUICK)
    assert code == 0, err
    assert "Use " in out and "early fusion" in out and str(where / "report.html") in out and "95 % intervals" in out
    assert "to predict tone?" in (where / "report.html").read_text(encoding="utf-8")
    assert (where / "model.mcgurk").exists() and (where / "plan.json").exists()
    assert cli("verify", where)[0] == 0
    again, out, err = cli("compare", table, "--target", "tone", "-o", where, *QUICK, "--json")
    facts = json.loads(out)
    assert again == 0 and facts["recommended"] and facts["metric"]["name"] in ("accuracy", "macro_f1")

    code, out, err = cli("predict", where / "model.mcgurk", table, "-o", tmp_path / "out.csv", "--json")
    assert code == 0, err
    assert json.loads(out)["columns"] == ["id", "label", "p_neg", "p_pos"]
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 101 and lines[1].startswith("1000,")

    (where / "report.html").write_bytes(b"tampered")
    code, out, _ = cli("verify", where)
    assert code == 1 and "report.html was changed" in out


def test_a_column_may_say_which_rows_test(cli, table, tmp_path) -> None:
    lines = table.read_text(encoding="utf-8").splitlines()
    marked = [f"{line},{'part' if i == 0 else 'test' if i % 3 == 0 else 'train'}" for i, line in enumerate(lines)]
    table.write_text("\n".join(marked) + "\n", encoding="utf-8")
    code, out, err = cli("compare", table, "--target", "tone", "--split", "part", "-o", tmp_path / "run", *QUICK[:2], *QUICK[6:], "--json")
    assert code == 0, err
    plan = json.loads(out)["plan"]
    assert plan["folds"]["scheme"] == "given" and plan["folds"]["sizes"] == [[67, 33]]
    assert "part" not in json.dumps(json.loads(out)["facts"]["modalities"])


def test_fusions_by_name_by_file_and_why_not(cli, table, tmp_path, monkeypatch) -> None:
    (tmp_path / "my_layer.py").write_text('from mcgurk.fusion import Concat\n\n\nclass Mine(Concat):\n    """Mine."""\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    asked = (*QUICK, "--fusions", "my_layer:Mine,interaction_regressor", "--fusion", "graph")
    code, out, err = cli("compare", table, "--target", "tone", "-o", tmp_path / "run", *asked)
    assert code == 0, err
    assert "interaction_regressor: it learns number and count, and the target is classes" in out and "graph: its nodes are drawn" in out
    code, out, err = cli("compare", table, "--target", "tone", "-o", tmp_path / "run", *asked, "--json")
    assert code == 0, err
    facts = json.loads(out)
    mine = next(line for line in facts["table"] if line["name"] == "layer:my_layer:Mine")
    assert {"gain", "gain_all_low", "gain_p_holm", "fit_seconds", "parameters", "operations", "paper"} <= set(mine)
    assert list(facts["refused"]) == ["interaction_regressor", "graph"] and facts["facts"]["networks"]["epochs"] == "60"


def test_other_settings_refuse(cli, table, tmp_path) -> None:
    where = tmp_path / "run"
    small = ("--budget", "quick", "--folds", "2", "--repeats", "1", "--candidate", "single:*", "--quiet")
    assert cli("compare", table, "--target", "tone", "-o", where, *small)[0] == 0
    code, out, _ = cli("compare", table, "--target", "tone", "-o", where, *small, "--seed", "1", "--json")
    assert code == 1 and json.loads(out)["error"]["code"] == "K02"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("compare", "{table}"), "C02"),
        (("compare", "{table}", "--target", "tone", "--budget", "huge"), "C02"),
        (("compare", "{table}", "--target", "mood"), "D01"),
        (("compare", "{table}", "--target", "tone", "--metric", "mae"), "U01"),
        (("compare", "{table}", "--target", "tone", "--fusions", "lowrang"), "U01"),
        (("compare", "{table}", "--target", "tone", "--fusions", "linear"), "C02"),
        (("fit", "{table}", "-o", "{here}/m.mcgurk"), "C02"),
        (("fit", "{table}", "--target", "tone", "--set", "epochs", "-o", "{here}/m.mcgurk"), "C02"),
        (("fit", "{table}", "--target", "tone", "--fusion", "lowrnk", "-o", "{here}/m.mcgurk"), "U01"),
        (("predict", "{here}/none.mcgurk", "{table}", "-o", "{here}/o.csv"), "S03"),
        (("predict", "{table}", "{table}", "-o", "{here}/o.csv"), "S07"),
        (("predict", "{table}", "{table}", "-o", "{here}/o.xls"), "C02"),
        (("verify", "{here}/none"), "S03"),
    ],
)
def test_a_mistake_is_one_sentence_with_a_code(cli, table, tmp_path, monkeypatch, arguments, code) -> None:
    monkeypatch.chdir(tmp_path)
    exit_code, out, _ = cli(*(a.format(table=table, here=tmp_path) for a in arguments), "--json")
    assert (exit_code, json.loads(out)["error"]["code"]) == (1, code)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_fit_and_predict_numbers(cli, table, tmp_path, ending) -> None:
    model, out_path = tmp_path / "m.mcgurk", tmp_path / f"out.{ending}"
    if ending == "csv":
        code, out, err = cli(
            "fit", table, "--target", "weight", "--drop", "caption", "--fusion", "early", "-o", model, "--set", "random_state=3"
        )
        assert code == 0 and "Predict with" in out, err
    else:
        assert cli("fit", table, "--target", "weight", "--drop", "caption", "--fusion", "early", "-o", model, "--quiet")[0] == 0
    code, out, err = cli("predict", model, table, "-o", out_path, "--rows", "10", "--json")
    assert code == 0, err
    assert json.loads(out)["columns"] == ["id", "prediction"] and json.loads(out)["rows"] == 10
    import pandas as pd

    read = {
        "csv": pd.read_csv,
        "tsv": lambda p: pd.read_csv(p, sep="\t"),
        "parquet": pd.read_parquet,
        "jsonl": lambda p: pd.read_json(p, lines=True),
    }
    frame = read[ending](out_path)
    assert frame["id"].tolist() == list(range(1000, 1010)) and np.isfinite(frame["prediction"]).all()
    assert cli("verify", model)[0] == 0


@pytest.mark.parametrize("verb", ["compare", "fit", "predict", "verify", "demo", "explain", "encode"])
def test_help_has_an_example(cli, verb) -> None:
    code, out, _ = cli(verb, "--help")
    assert code == 0 and f"mcgurk {verb}" in out and "Example" in out


def test_explain(cli, table, tmp_path) -> None:
    model = tmp_path / "m.mcgurk"
    assert cli("fit", table, "--target", "tone", "--fusion", "early", "-o", model, "--quiet")[0] == 0
    code, out, err = cli("explain", model, table, "-o", tmp_path / "why.csv")
    assert code == 0 and "caption" in out and "Row by row" in out, err
    import pandas as pd

    frame = pd.read_csv(tmp_path / "why.csv")
    assert len(frame) == 100 and {"id", "prediction", "value", "base", "from_caption", "from_tabular"} == set(frame.columns)
    assert np.allclose(frame["base"] + frame["from_caption"] + frame["from_tabular"], frame["value"])
    assert (frame["from_caption"].iloc[[0, 9, 18]] == 0).all()  # their caption is absent


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_encode(cli, table, tmp_path, ending) -> None:
    out_path = tmp_path / f"features.{ending}"
    code, out, err = cli("encode", table, "--drop", "tone", "--encoder", "caption=tfidf", "-o", out_path)
    assert code == 0 and "Wrote 100 rows" in out, err
    import pandas as pd

    import mcgurk

    if ending == "parquet":
        X = mcgurk.read_parquet(out_path)
        assert X.names == ("caption", "tabular") and X["caption"].present.sum() == 88
    else:
        frame = pd.read_csv(out_path)
        assert frame["id"].iloc[0] == 1000 and frame.filter(like="caption_").isna().all(axis=1).sum() == 12


def test_demo_is_the_main_job_on_emoji(cli, monkeypatch, tmp_path) -> None:
    from mcgurk.cli import compare

    asked = {}

    def run(X, y, where, **options):
        asked.update(names=X.names, rows=len(X), where=where, **options)
        return asked

    monkeypatch.setattr(compare, "run", run)
    code, out, _ = cli("demo", "-o", tmp_path, "--rows", "250")
    assert code == 0 and out.startswith("250 emoji with a picture")
    assert asked == {"names": ("facts", "image", "name"), "rows": 250, "where": tmp_path, "budget": "quick"}
