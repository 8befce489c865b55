"""The pure parts of the set-up; the rest is shown by setting up a fresh clone."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path, PurePath

import pytest

ROOT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
bootstrap = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bootstrap)


def test_old_python_is_refused_with_the_remedy() -> None:
    with pytest.raises(bootstrap.SetupError, match=r"this is Python 3\.9 .* 3\.11 or newer; .*python3\.11"):
        bootstrap.check_python((3, 9, 2))
    bootstrap.check_python((3, 11, 0))
    bootstrap.check_python((4, 0, 0))


def test_full_disk_is_refused_before_anything_is_written() -> None:
    with pytest.raises(bootstrap.SetupError, match=r"1\.0 GB are free"):
        bootstrap.check_disk(10**9, "cpu")
    bootstrap.check_disk(5 * 10**9, "cpu")
    with pytest.raises(bootstrap.SetupError):
        bootstrap.check_disk(5 * 10**9, "gpu")


def test_interpreter_of_the_environment() -> None:
    assert bootstrap.venv_python(Path(".venv"), "posix") == Path(".venv/bin/python")
    assert PurePath(bootstrap.venv_python(Path(".venv"), "nt")).parts[-2:] == ("Scripts", "python.exe")


def test_cpu_torch_is_tried_first_and_the_fall_back_says_what_it_brings() -> None:
    first, second = bootstrap.torch_attempts("torch==2.13.0", "cpu", "Linux")
    assert first[1] == ["--retries", "0", "--index-url", bootstrap.CPU_INDEX, "--no-deps", "torch==2.13.0"]
    assert second[1] == ["--no-deps", "torch==2.13.0"] and "CUDA" in second[0]
    assert len(bootstrap.torch_attempts("torch==2.13.0", "gpu", "Linux")) == 1
    assert "CUDA" not in bootstrap.torch_attempts("torch==2.13.0", "cpu", "Darwin")[1][0]


def test_pins() -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    assert bootstrap.pinned(constraints, "torch").startswith("torch==")
    with pytest.raises(bootstrap.SetupError, match="no pin for nothing"):
        bootstrap.pinned(constraints, "nothing")


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = bootstrap.requirements(project, ["test", "docs"])
    assert "torch>=2.6" in wanted and any(line.startswith("pytest") for line in wanted)
    pins = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    names = {line.split(">=")[0].split("[")[0].lower() for line in wanted}
    assert names <= pins, f"no exact version of {sorted(names - pins)} in constraints.txt"


def test_fingerprint_tells_its_parts_apart() -> None:
    assert bootstrap.fingerprint("ab", "c") != bootstrap.fingerprint("a", "bc")
    assert bootstrap.fingerprint("ab", "c") == bootstrap.fingerprint("ab", "c")


def test_checks_are_all_there() -> None:
    names = [name for name, _ in bootstrap.checks("python", coverage=False)]
    assert names == ["style", "types", "tests", "documentation"]
    assert "--cov" in dict(bootstrap.checks("python", coverage=True))["tests"]


def test_demo_passes_its_options_on_and_others_refuse_unknown_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        bootstrap.main(["setup", "--nonsense"])
    assert stop.value.code == 2
    assert "--nonsense" in capsys.readouterr().err
