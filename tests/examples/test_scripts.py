"""The example scripts run, at a small size, and say what they promise."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from mcgurk import Comparison
from mcgurk.errors import DataError

FOLDER = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
ARGUMENTS = {
    "audiovisual_speech": [],
    "emoji_compare": ["--rows", "80", "--candidates", "single:*", "early:linear", "--folds", "2", "--output", "run"],
    "emphasis": ["--copies", "2", "--epochs", "5"],
    "house_prices": ["--rows", "60", "--candidates", "single:tabular*", "early:linear", "--folds", "2", "--output", "run"],
    "missing_modality": ["--rows", "200"],
    "own_table": ["--rows", "80", "--folder", "emoji"],
    "sentiment": ["--videos", "8", "--epochs", "2"],
    "shared_space": ["--rows", "120"],
}


def script(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = script(name).main(ARGUMENTS[name])
        except DataError as error:
            if error.code != "F02":
                raise
            pytest.skip(str(error))  # data that do not travel with mcgurk
    said = capsys.readouterr().out
    assert said
    if isinstance(answer, Comparison):
        assert answer.sentences[0] in said and (tmp_path / "run" / "report.html").exists()
    else:
        assert 0 < answer <= 1


def test_every_script_is_described() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.py`" in page for name in SCRIPTS) and set(SCRIPTS) == set(ARGUMENTS)
