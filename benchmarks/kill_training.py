"""``kill -9`` at random moments of training: every run resumes, and ends in the very bits of the undisturbed one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SEED = 0
ROOT = Path(__file__).resolve().parents[1]


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Kills at uniform random moments; the killed run is started again and its end compared with that of the undisturbed run."""
    with tempfile.TemporaryDirectory() as folder:
        figures = kills(Path(folder), 100 if full else 15, SEED)
    return {
        "protocol": "a process that trains with checkpoints is killed (signal 9) at a moment uniform over its run and started again; "
        "the final weights, the loss of every epoch and the held-out values are compared with those of a run left alone. Dropout in layers "
        "and of modalities, two optimisers, a cosine schedule with warm-up, clipping and early stopping are in use",
        "seed": SEED,
        **figures,
    }


def kills(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Kill ``count`` runs once each; figures of what was lost and whether the ends agree."""
    rng = np.random.default_rng(seed)
    identical = within = temporary = stale = landed = 0
    ages = []
    with trainer() as start:
        lasted = []
        for name in ("first", "second", "calm"):
            began = time.monotonic()
            start(folder / name)
            lasted.append(time.monotonic() - began)
        duration = min(lasted)
        calm = (folder / "calm.json").read_text()
        for number in range(count):
            place = folder / f"run{number}"
            killed = start(place, after=float(rng.uniform(0.05, 0.95)) * duration)
            landed += killed
            saved = sorted(place.glob("checkpoint-*.safetensors"))
            if killed and saved:
                ages.append(time.time() - saved[-1].stat().st_mtime)
                within += int(saved[-1].stem.rpartition("-")[2]) > 0
            temporary += len(list(place.glob(".*.tmp")))
            if killed:
                start(place)
            identical += (folder / f"run{number}.json").read_text() == calm
            stale += len(list(place.glob(".*.tmp")))
    return {
        "runs": count,
        "killed before their end": landed,
        "ended in the bits of the undisturbed run": identical,
        "had a checkpoint when killed": len(ages),
        "newest checkpoint within an epoch": within,
        "seconds of work lost, median and most": [float(np.median(ages)), max(ages)] if ages else [],
        "seconds between checkpoints": 0.05,
        "temporary files left by kills": temporary,
        "temporary files after the next start": stale,
        "seconds of an undisturbed run": duration,
        "epochs of an undisturbed run": len(json.loads(calm)["valid"]),
    }


@contextlib.contextmanager
def trainer() -> Iterator[Any]:
    """``start(folder, after)``: train in ``folder``, killed after so many seconds; whether the kill came before the end."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks._train_child"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    assert process.stdin is not None and process.stdout is not None
    given, said = process.stdin, process.stdout

    def start(folder: Path, after: float = 0.0) -> bool:
        given.write(f"{after} {folder}\n")
        given.flush()
        return os.WIFSIGNALED(int(said.readline()))

    try:
        yield start
    finally:
        given.close()
        process.wait(timeout=60)
