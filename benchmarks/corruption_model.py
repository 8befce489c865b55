"""Bit rot and malice in model files: 600 flipped bits an artefact, and every attack, against their bars."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests" / "reliability"


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Needs no data: models are fitted on the spot. ``full`` flips 6,000 bits an artefact."""
    sys.path.insert(0, str(TESTS))
    import bit_rot
    import malice

    count = 6000 if full else 600
    flipped = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("early", "concat", "checkpoint"):
            path, look = bit_rot.checkpoint(Path(folder)) if kind == "checkpoint" else bit_rot.model(kind, Path(folder))
            flipped[kind] = bit_rot.flips(path, look, count, kind)
        command = [sys.executable, "-W", "ignore", str(TESTS / "malice.py"), str(Path(folder) / "malice")]
        (Path(folder) / "malice").mkdir()
        attacks = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    refused = [
        name
        for name, found in attacks.items()
        if found["code"] == malice.ATTACKS[name][0] and not found["canary"] and found["seconds"] <= 2 and found["mb"] <= 200
    ]
    return {
        "protocol": "one flipped bit at a time in a saved model (closed form, network) and in a checkpoint; each attack in a forked child",
        "seed": "the artefact's name",
        "flips": flipped,
        "attacks": {
            "files": len(attacks),
            "refused with the right code in 2 s and 200 MB": len(refused),
            "slowest s": max(found["seconds"] for found in attacks.values()),
            "most MB": max(found["mb"] for found in attacks.values()),
        },
    }
