"""``mcgurk describe``: what people and machines see."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mcgurk.cli import main


@pytest.fixture
def cli(capsys):
    """Run a command line: exit code, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["describe", *map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    n = 60
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "text": [f"a story about matter number {i}" if i % 4 else None for i in range(n)],
            "speaker": [f"s{i % 6}" for i in range(n)],
            "size": rng.normal(size=n).round(2),
            "tone": rng.choice(["good", "bad"], n),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_people_read_it(cli, path):
    code, out, err = cli(path, "--target", "tone")
    assert code == 0 and err == ""
    for said in ("t.csv: 60 rows", "because", "its cells are long", "target tone", "H03", "present"):
        assert said in out


def test_machines_read_it(cli, path):
    code, out, _ = cli(path, "-y", "tone", "-g", "speaker", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["rows"] == 60 and facts["rejects"] == 0
    assert {line["column"]: line["kind"] for line in facts["read"]} == {
        "id": "id",
        "text": "text",
        "speaker": "group",
        "size": "number",
        "tone": "target",
    }
    assert facts["target"]["classes"].keys() == {"good", "bad"} and any(f["code"] == "I03" for f in facts["findings"])


def test_overrides(cli, path):
    code, out, _ = cli(path, "--category", "text,speaker", "--drop", "tone", "--drop", "id", "--rows", 20, "--json")
    facts = json.loads(out)
    assert (
        code == 0
        and facts["rows"] == 20
        and {c["name"]: c["kind"] for c in facts["columns"]}
        == {
            "text": "category",
            "speaker": "category",
            "size": "number",
        }
    )
    code, out, _ = cli(path, "--text", "text", "--only", "--json")
    assert [c["name"] for c in json.loads(out)["columns"]] == ["text"]


def test_mistakes_are_one_sentence_with_a_code(cli, path):
    code, out, err = cli(path, "--target", "tonne")
    assert code == 1 and "did you mean 'tone'" in err and "Traceback" not in err
    code, out, _ = cli(path, "--target", "tonne", "--json")
    assert code == 1 and json.loads(out)["error"]["code"] == "D01"
    assert cli(path.with_name("none.csv"))[0] == 1
    assert cli()[0] == 2


def test_rows_set_aside_are_written(cli, path):
    (path.parent / "p.csv").write_text("photo,n\ngone.png,1\n,2\n,3\n")
    out_file = path.parent / "out" / "rejects.parquet"
    code, out, err = cli(path.parent / "p.csv", "--image", "photo", "--max-bad", 0.5, "--rejects", out_file)
    assert code == 0 and "1 set aside" in out and "rejects.parquet" in err
    assert pd.read_parquet(out_file)["code"].tolist() == ["F02"]


def test_many_patterns_are_cut(cli, tmp_path):
    rng = np.random.default_rng(0)
    cells = {f"text{j}": [f"some words in the text {i} {j}" if rng.random() < 0.5 else None for i in range(80)] for j in range(5)}
    pd.DataFrame(cells).to_csv(tmp_path / "t.csv", index=False)
    code, out, _ = cli(tmp_path / "t.csv", "--no-near")
    assert code == 0 and "further patterns" in out
