"""The root shows its table, loads only what is asked for, and knows its exits."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mcgurk import __version__
from mcgurk.cli import VERBS, main


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    return stop.value.code


def test_help_lists_the_verbs_that_exist(capsys) -> None:
    assert exit_code("--help") == 0
    shown = capsys.readouterr().out
    assert "doctor" in shown and "Checks" in shown


def test_version(capsys) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"mcgurk {__version__}\n"


def test_a_misspelt_verb_is_a_usage_error_that_names_the_near_one(capsys) -> None:
    assert exit_code("docter") == 2
    assert "'doctor'" in capsys.readouterr().err


def test_no_verb_shows_help(capsys) -> None:
    assert exit_code() == 2
    assert "Usage" in capsys.readouterr().out


def test_module_and_reader_that_leaves() -> None:
    command = f"{sys.executable} -m mcgurk --help | head -1"
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert "Traceback" not in answer.stderr


def test_every_line_of_the_table_is_a_sentence() -> None:
    assert all(line.endswith(".") and len(line) < 110 for _, line in VERBS.values())
