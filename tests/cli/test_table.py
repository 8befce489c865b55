"""The options with which every verb reads a table."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import typer

from mcgurk.cli import _table
from mcgurk.cli._table import Table
from mcgurk.data.plan import Options


def test_a_verb_gets_all_options_and_keeps_its_own():
    def verb(table: Table, depth: int = typer.Option(3)) -> tuple[Table, int]:
        """Says."""
        return table, depth

    made = _table.options(verb)
    parameters = inspect.signature(made).parameters
    assert next(iter(parameters)) == "path" and list(parameters)[-1] == "depth" and made.__doc__ == "Says."
    given = dict.fromkeys(_table.OPTIONS) | {"image": ["a,b", "c"], "only": True, "max_bad": 0.1, "target": "y"}
    table, depth = made(path=Path("t.csv"), depth=4, **given)
    assert depth == 4 and table.target == "y"
    assert table.options() == {"image": ["a", "b", "c"], "others": "drop", "max_bad": 0.1, "target": "y"}


def test_every_kind_a_reader_knows_has_its_option():
    known = set(Options.__annotations__) - {"others", "like", "explain"}
    assert known <= set(_table.OPTIONS) and set(_table.OPTIONS) - known == {"only", "encoding", "separator", "rejects"}


def test_reading_by_the_table(tmp_path):
    (tmp_path / "t.csv").write_text("a;y\n1;2\n3;4\n")
    reading = Table(tmp_path / "t.csv", {"target": "y", "separator": ";"}).read()
    assert reading.y.tolist() == [2, 4]
    assert Table(tmp_path / "t.csv").read(drop="y").X.names == ("tabular",)


def test_the_options_load_nothing_heavy():
    code = "import sys, mcgurk.cli.describe; print(sorted({'numpy', 'pandas', 'pyarrow', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
