"""A1: mutated files through ``open_media``, each in a forked child: no crash, no hang, no error that is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import media_factory
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="one forked child a file")
GROUPS = {
    "videos": (media_factory.VIDEOS, 170),
    "sounds": ((*media_factory.SOUNDS, *media_factory.TRACKS), 170),
    "pictures": (media_factory.PICTURES, 170),
}


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_no_crash_no_hang_no_foreign_error(group: str, tmp_path: Path) -> None:
    seeds, count = GROUPS[group]
    command = [sys.executable, str(Path(__file__).with_name("hostile_runner.py")), ",".join(seeds), str(count), "0", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    found = json.loads(done.stdout)
    assert found["files"] == count == found["decoded"] + found["refused"], found["failures"]
    assert found["failures"] == []
    assert found["decoded"] and found["refused"]
    assert found["peak_extra_mb"] <= 300
    assert found["slowest_s"] <= 20


def test_mutants_are_the_same_on_every_run() -> None:
    import mutators

    data = media_factory.seed("wav")
    for name in mutators.MUTATORS:
        assert mutators.mutate(name, "wav", 5, data) == mutators.mutate(name, "wav", 5, data)
        assert any(mutators.mutate(name, "wav", k, data) != data for k in range(5))
