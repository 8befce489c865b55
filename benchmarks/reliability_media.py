"""Hostile and broken media: mutated files, truncations, bombs and escapes against their bars."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests" / "reliability"
MUTANTS, CUTS = (510, 5_001), (50, 500)  # (as on every push, with --full): mutated files in all; cuts of each container


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Needs no data: the files are made on the spot. ``full`` is the size of a release check."""
    sys.path.insert(0, str(TESTS))
    import media_factory
    import truncation

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        mutated = _mutated(media_factory, MUTANTS[full], place)
        bombs = _script("bombs.py", str(place / "bombs"))
        escapes = _escapes()
    cuts = {name: len(truncation.silent(name, CUTS[full])) for name in truncation.NAMES}
    total = CUTS[full] * len(cuts)
    import bombs as listed

    refused = [n for n, found in bombs.items() if found["code"] == listed.BOMBS[n][0] and found["seconds"] <= 2 and found["mb"] <= 200]
    return {
        "protocol": "each mutated file and each bomb in a forked child without torch; cuts at 20 to 95 per cent; one thread",
        "seed": 0,
        "mutated files": mutated,
        "truncations": {"files": total, "reported": total - sum(cuts.values()), "share": 1 - sum(cuts.values()) / total, "bar": 0.99},
        "bombs": {
            "files": len(bombs),
            "refused with the right code in 2 s and 200 MB": len(refused),
            "slowest s": max(found["seconds"] for found in bombs.values()),
            "most MB": max(found["mb"] for found in bombs.values()),
        },
        "escapes": escapes,
    }


def _script(name: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(TESTS / name), *arguments], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _mutated(factory: Any, count: int, place: Path) -> dict[str, Any]:
    groups = (factory.VIDEOS, (*factory.SOUNDS, *factory.TRACKS), factory.PICTURES)
    found = [_script("hostile_runner.py", ",".join(seeds), str(count // 3), "0", str(place / "keep")) for seeds in groups]
    sums = {key: sum(f[key] for f in found) for key in ("files", "decoded", "refused", "untyped", "signal", "hang", "seconds")}
    return {**sums, "slowest s": max(f["slowest_s"] for f in found), "most MB beyond the start": max(f["peak_extra_mb"] for f in found)}


def _escapes() -> dict[str, int]:
    """The escape tests under their own watch of the canary file and the port."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS / "test_escapes.py")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parents[1], env={**os.environ, "COLUMNS": "200"})
    words = done.stdout.strip().splitlines()[-1].replace(",", "").split()
    counts = {word: int(words[k]) for k, word in enumerate(words[1:]) if word in ("passed", "failed")}
    return {"checks passed": counts.get("passed", 0), "checks failed": counts.get("failed", 0)}
