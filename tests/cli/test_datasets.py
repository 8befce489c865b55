"""The verb `mcgurk datasets`."""

from __future__ import annotations

import json

import pytest

from mcgurk.cli import main
from mcgurk.datasets.catalogue import CATALOGUE


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run a command line: exit code, standard output, standard error."""
    monkeypatch.delenv("MCGURK_DATA", raising=False)

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["datasets", *map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


def test_list(cli):
    code, out, _ = cli("list")
    assert code == 0
    assert all(name in out for name in CATALOGUE)
    code, out, _ = cli("list", "--json")
    assert [line["name"] for line in json.loads(out)] == list(CATALOGUE)


def test_show(cli):
    code, out, _ = cli("show", "emoji")
    assert code == 0
    assert "1601 rows" in out
    assert "X, y = load_emoji()" in out
    assert "groups" in out
    code, out, _ = cli("show", "synergy")
    assert "a 0.500, b 0.500, a+b 0.956" in out
    code, out, _ = cli("show", "absence", "--set", "mechanism=mnar", "--set", "n=50")
    assert "mechanism='mnar', n=50" in out
    assert "Known answer" not in out
    code, out, _ = cli("show", "speech", "--json")
    facts = json.loads(out)
    assert facts["rows"] == 9
    assert facts["columns"]["audio"]["kind"] == "audio"
    assert facts["groups"] == 2


def test_export(cli, tmp_path):
    code, out, _ = cli("export", "emoji", "-o", tmp_path, "--set", "n=5", "--columns", "name, image")
    assert code == 0
    assert "mcgurk compare" in out
    assert (tmp_path / "table.csv").read_text("utf-8").splitlines()[0] == "id,image,name,group,y"
    assert len(list((tmp_path / "image").iterdir())) == 5
    code, out, _ = cli("export", "speech", "-o", tmp_path / "s", "--json")
    assert json.loads(out)["target"] is None
    assert cli("export", "speech", "-o", tmp_path / "s")[1].count("\n") == 1


def test_mistakes_are_one_sentence(cli, tmp_path):
    code, _, err = cli("show", "emojis")
    assert code == 1
    assert "[U01]" in err
    for text in ("size=3", "n"):
        code, _, err = cli("show", "noise", "--set", text)
        assert (code, "KEY=VALUE" in err) == (1, True)
    code, out, _ = cli("show", "houses", "--json")
    assert json.loads(out)["error"]["code"] == "F02"
    code, _, err = cli("show", "houses", "--data-root", tmp_path)
    assert "lacks HousesInfo.txt" in err
