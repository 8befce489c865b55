"""A5: model files made to do harm are refused with the right code, in two seconds and 200 MB at most, and nothing in them runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import malice
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """All attacks, each loaded in a forked child."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("malice.py")), str(tmp_path_factory.mktemp("malice"))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True, env=environment)
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", malice.ATTACKS)
def test_refused(name: str, outcome: dict[str, dict[str, object]]) -> None:
    found = outcome[name]
    assert not found["canary"]
    assert found["code"] == malice.ATTACKS[name][0]
    assert found["status"] == 0
    assert found["seconds"] <= 2
    assert found["mb"] <= 200


def test_the_canary_would_sing(tmp_path: Path) -> None:
    """The pickles among the attacks do what they are made for, where somebody unpickles them."""
    import pickle

    pickle.loads(malice.a_pickle(tmp_path).read_bytes())
    assert (tmp_path / "canary").exists()


def test_enough_of_them() -> None:
    assert len(malice.ATTACKS) >= 25
