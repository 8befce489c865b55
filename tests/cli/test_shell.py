"""Every verb behaves alike: two voices, one way of failing."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy
import pandas
import pytest
import typer

import mcgurk
from mcgurk.cli import _shell
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.results import Report


def ask(function, *arguments: str) -> int:
    """The exit code of a command line whose only verb is ``function``."""
    app = typer.Typer(add_completion=False)
    app.command()(_shell._with_shared_options(function))
    return _shell.run(app, list(arguments))


def talk(name: str = "you") -> dict:
    """Greet."""
    _shell.say(f"hello {name}")
    return {"name": name, "score": numpy.float64("nan"), "values": numpy.arange(2), "path": Path("a")}


def test_people_read_the_talk_and_machines_the_value(capsys) -> None:
    assert ask(talk, "--name", "Ada") == 0
    assert capsys.readouterr().out == "hello Ada\n"
    assert ask(talk, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"name": "you", "score": None, "values": [0, 1], "path": "a"}


def fail() -> None:
    raise DataError("3 rows were given, 4 expected; add one", code="L01")


def test_an_error_is_one_sentence_with_its_code(capsys) -> None:
    assert ask(fail) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err == "Error: 3 rows were given, 4 expected; add one [L01]\n"
    assert ask(fail, "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"error": {"code": "L01", "message": "3 rows were given, 4 expected; add one"}}
    assert ask(fail, "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.csv"), "E03", 1),
        (MemoryError(), "R00", 1),
        (ZeroDivisionError("division by zero"), "E99", 1),
        (KeyboardInterrupt(), "E10", 130),
    ],
)
def test_every_other_fault_has_a_code_too(error, code, exit_code, capsys) -> None:
    def broken() -> None:
        raise error

    assert ask(broken, "--json") == exit_code
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert ask(broken) == exit_code
    shown = capsys.readouterr().err
    assert "Traceback" not in shown and shown.count("\n") == 1


def test_ctrl_c_says_how_to_go_on(capsys) -> None:
    def long_work() -> None:
        _shell.session.resume = "go on with `mcgurk compare --resume runs/7`"
        raise KeyboardInterrupt

    assert ask(long_work) == 130
    assert "mcgurk compare --resume runs/7" in capsys.readouterr().err


def test_a_wrong_option_is_a_usage_error(capsys) -> None:
    assert ask(talk, "--nmae", "x") == 2
    assert "--nmae" in (shown := capsys.readouterr().err) and "--help" in shown
    assert ask(talk, "--nmae", "x", "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "E01"


def test_warnings_of_ours_are_notes_and_others_wait_for_debug(capsys) -> None:
    def warn() -> None:
        warnings.warn(McgurkWarning("2 rows have no modality", code="M03"), stacklevel=1)
        warnings.warn("something of a library", FutureWarning, stacklevel=1)

    ask(warn)
    assert capsys.readouterr().err == "Note: 2 rows have no modality [M03]\n"
    ask(warn, "--quiet")
    assert capsys.readouterr().err == ""


def test_settings_last_as_long_as_the_verb(tmp_path) -> None:
    seen = {}

    def look() -> None:
        seen.update(cache=mcgurk.config.cache, threads=mcgurk.config.threads, progress=mcgurk.config.progress)

    before = mcgurk.config.cache
    ask(look, "--cache", str(tmp_path), "--threads", "2", "--quiet")
    assert seen == {"cache": tmp_path, "threads": 2, "progress": False}
    assert mcgurk.config.cache == before and mcgurk.config.threads is None


def test_a_verb_that_declares_a_shared_option_receives_it(capsys) -> None:
    def own(threads: int = typer.Option(4, "--threads")) -> int:
        return threads

    ask(own, "--json")
    assert capsys.readouterr().out == "4\n"


def test_bad_news_without_an_error(capsys) -> None:
    def check() -> dict:
        _shell.session.exit_code = 1
        return {"passed": False}

    assert ask(check, "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"passed": False}
    assert ask(talk) == 0


def test_a_result_is_its_own_json(capsys) -> None:
    def measure() -> Report:
        return Report(table=pandas.DataFrame({"a": [1.5, numpy.nan]}), scalars={"score": numpy.float64(0.5)})

    assert ask(measure, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["scalars"] == {"score": 0.5} and shown["table"] == [{"a": 1.5}, {"a": None}]


def test_a_verb_with_sub_verbs_shares_the_options_once(capsys) -> None:
    group = typer.Typer()
    group.command("talk")(talk)
    group.command("fail")(fail)
    for _ in range(2):
        command = _shell.command("verb", group)
        assert command.name == "verb"
        assert [option for parameter in command.commands["talk"].params for option in parameter.opts].count("--json") == 1
    assert command.main(["talk", "--json"], standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "you"
