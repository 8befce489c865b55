"""A3: small files that ask for much are refused with the right code, in two seconds and 200 MB at most."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bombs
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """All bombs, each in a forked child of a process without torch."""
    command = [sys.executable, str(Path(__file__).with_name("bombs.py")), str(tmp_path_factory.mktemp("bombs"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", bombs.BOMBS)
def test_refused(name: str, outcome: dict[str, dict[str, object]]) -> None:
    found = outcome[name]
    assert found["status"] == 0
    assert found["code"] == bombs.BOMBS[name][0]
    assert found["seconds"] <= 2
    assert found["mb"] <= 200


def test_enough_of_them() -> None:
    assert len(bombs.BOMBS) >= 30
