"""Starting is cheap: neither the package nor the help page loads a numerical library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "torch", "pandas", "sklearn", "scipy", "numba", "pyarrow", "PIL", "av", "matplotlib", "jinja2")


def loaded(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after ``code``."""
    tail = f"\nimport sys; sys.stdout.write('\\nLOADED ' + ' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True, timeout=60)
    return set(answer.stdout.rpartition("LOADED ")[2].split())


def test_the_probe_sees_what_is_loaded() -> None:
    assert "numpy" in loaded("import numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import mcgurk",
        "import mcgurk; dir(mcgurk); mcgurk.config.cache; mcgurk.McgurkError",
        "import mcgurk.registry as r; [r.entries(room) for room in r.ROOMS]",
    ],
)
def test_import(code: str) -> None:
    assert loaded(code) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["no-such-verb"], []])
def test_command_line(arguments: list[str]) -> None:
    code = f"import mcgurk.cli\ntry:\n    mcgurk.cli.main({arguments!r})\nexcept SystemExit:\n    pass"
    assert loaded(code) == set()
