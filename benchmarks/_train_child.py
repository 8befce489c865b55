"""Started by kill_training: imports everything once, then forks, and kills, one training run for every line of standard input."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import mcgurk
from mcgurk.files import atomic_write
from mcgurk.fusion.estimators import FusionClassifier
from mcgurk.testing import toys

EVERY = 0.05


class Training(FusionClassifier):
    """All there is to remember: dropout in layers and modalities, a schedule, clipping, two optimisers, early stopping on held-out rows."""

    checkpoint_every = EVERY


def train(folder: Path) -> None:
    """Fit with checkpoints in ``folder`` and write beside it what came out."""
    X = toys.vectors(240)
    y = toys.labels(X, "classes")
    model = Training(
        "gated",
        hidden=(32,),
        dropout=0.2,
        modality_dropout=0.2,
        epochs=16,
        batch_size=16,
        optim={"fusion.*": ("sgd", {"lr": 1e-2, "momentum": 0.9}), "*": ("adamw", 1e-3)},
        schedule="cosine",
        warmup=0.1,
        clip=1.0,
        patience=5,
        random_state=3,
        checkpoint=folder,
    ).fit(X, y)
    state = hashlib.sha256()
    for name, value in sorted(model.objective_.state_dict().items()):
        state.update(name.encode() + np.ascontiguousarray(value.numpy()).tobytes())
    out = {"weights": state.hexdigest(), "terms": model.history_.terms, "valid": model.history_.valid, "best": model.history_.best_epoch}
    atomic_write(folder.with_suffix(".json"), json.dumps(out, sort_keys=True))


def main() -> None:
    """A line is the seconds until the kill (0: none) and a folder; the answer is the run's exit status."""
    torch.set_num_threads(1)
    with mcgurk.config.set(threads=1, progress=False, device="cpu"):
        with tempfile.TemporaryDirectory() as folder:
            train(Path(folder) / "warm")  # whatever is imported or compiled late is so before the first fork
        for line in sys.stdin:
            seconds, _, folder = line.strip().partition(" ")
            child = os.fork()
            if child == 0:
                train(Path(folder))
                os._exit(0)
            if float(seconds):
                time.sleep(float(seconds))
                os.kill(child, signal.SIGKILL)  # a child that has ended stays until it is waited for: no other process is hit
            sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
