"""``fit`` and ``predict`` of several targets; of one, tests/cli/test_compare.py holds the walk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mcgurk.cli import main

QUICK = ("--set", "epochs=3", "--set", "patience=null", "--json")


@pytest.fixture
def cli(capsys):
    """Run a command line: exit code, and what it says in JSON."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([*map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, json.loads(said.out or said.err.strip().splitlines()[-1])

    return run


@pytest.fixture
def table(tmp_path) -> Path:
    """60 rows; the tone of the first 40 and the price of the last 40 are known."""
    rng = np.random.default_rng(0)
    weight, age = rng.normal(size=(2, 60)).round(3)
    rows = np.arange(60)
    frame = pd.DataFrame({"weight": weight, "age": age})
    frame["tone"] = np.where(rows < 40, np.where(weight > 0, "good", "bad"), "")
    frame["price"] = [str(round(v, 2)) if i >= 20 else "" for i, v in enumerate(7 + age)]
    frame["votes"] = rows % 3
    frame.to_csv(tmp_path / "ads.csv", index=False)
    return tmp_path / "ads.csv"


def test_several_targets(cli, table, tmp_path):
    model, out = tmp_path / "m.mcgurk", tmp_path / "out.csv"
    code, said = cli("fit", table, "--target", "tone, price", "--drop", "votes", "-o", model, *QUICK)
    assert code == 0 and said["fusion"] == "concat" and said["task"] == {"price": "number", "tone": "classes"}
    code, said = cli("predict", model, table, "-o", out, "--json")
    assert code == 0 and said["columns"] == ["id", "price_prediction", "tone_label", "tone_p_bad", "tone_p_good"]
    assert len(pd.read_csv(out)) == 60


def test_several_numbers_are_tasks_too_and_their_kind_can_be_said(cli, table, tmp_path):
    given = ("--set", 'task={"votes": "count"}', "--fusion", "gated")
    code, said = cli("fit", table, "--target", "votes,price", "--drop", "tone", "-o", tmp_path / "m.mcgurk", *given, *QUICK)
    assert code == 0 and said["fusion"] == "gated" and said["task"] == {"price": "number", "votes": "count"}


def test_one_kind_for_several_targets_is_refused(cli, table, tmp_path):
    code, said = cli("fit", table, "--target", "tone,price", "--task", "classes", "-o", tmp_path / "m.mcgurk", "--json")
    assert code == 1 and said["error"]["code"] == "C02" and "--task classes was given for 2 targets" in said["error"]["message"]
