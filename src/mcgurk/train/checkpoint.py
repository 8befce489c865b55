"""Checkpoints from which a killed run goes on to the same bits."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mcgurk.errors import IntegrityError, StoreError
from mcgurk.files import sweep
from mcgurk.tensorfile import read_tensors, write_tensors

if TYPE_CHECKING:
    from mcgurk.train.loop import Loop

EVERY_SECONDS = 60.0
KEEP = 2


class Checkpoints:
    """Writes the loop's whole state, keeps the last two, and resumes from the newest that is whole.

    Args:
        folder: where, or None for no checkpoints.
        fingerprint: names configuration and data; a checkpoint of another is refused.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self._last = time.monotonic()
        if folder is not None and folder.exists():
            sweep(folder)

    def step(self, loop: Loop) -> None:
        """Within an epoch: at most once a minute."""
        if self.folder is not None and loop.step < loop.loader.steps and time.monotonic() - self._last > EVERY_SECONDS:
            self.write(loop)

    def epoch(self, loop: Loop) -> None:
        """At the end of an epoch."""
        if self.folder is not None:
            self.write(loop)

    def write(self, loop: Loop) -> None:
        """Write the state as one file; older files beyond the last two are removed."""
        assert self.folder is not None
        tensors: dict[str, np.ndarray] = {f"model.{k}": _array(v) for k, v in loop.objective.state_dict().items()}
        manifest: dict[str, Any] = {
            "fingerprint": self.fingerprint,
            "epoch": loop.epoch,
            "step": loop.step,
            "waited": loop.waited,
            "best": loop.best,
            "history": {"terms": loop.history.terms, "valid": loop.history.valid, "best_epoch": loop.history.best_epoch},
            "optimisers": {},
        }
        for k, v in (loop.best_state or {}).items():
            tensors[f"best.{k}"] = _array(v)
        for k, v in loop.sums.items():
            tensors[f"sums.{k}"] = _array(v)
        tensors["rng.torch"] = torch.get_rng_state().numpy().copy()
        for phase, optimisers in loop.optimisers.items():
            for number, optimiser in enumerate(optimisers):
                state = optimiser.state_dict()
                key = f"optim.{phase}.{number}"
                manifest["optimisers"][key] = {"state": {}, "groups": [[g["lr"]] for g in state["param_groups"]]}
                for index, values in state["state"].items():
                    scalars = {}
                    for name, value in values.items():
                        if isinstance(value, torch.Tensor):
                            tensors[f"{key}.{index}.{name}"] = _array(value)
                            scalars[name] = "tensor"
                        else:
                            scalars[name] = value
                    manifest["optimisers"][key]["state"][str(index)] = scalars
        path = self.folder / f"checkpoint-{loop.epoch:06d}-{loop.step:08d}.safetensors"
        write_tensors(path, tensors, manifest)
        self._last = time.monotonic()
        for old in sorted(self.folder.glob("checkpoint-*.safetensors"))[:-KEEP]:
            old.unlink(missing_ok=True)

    def resume(self, loop: Loop) -> bool:
        """Put the newest whole checkpoint's state into the loop; whether there was one.

        Raises:
            StoreError: K03, the checkpoint belongs to another configuration or other data.
        """
        if self.folder is None or not self.folder.exists():
            return False
        for path in sorted(self.folder.glob("checkpoint-*.safetensors"), reverse=True):
            try:
                tensors, manifest = read_tensors(path)
            except IntegrityError:
                continue
            if manifest["fingerprint"] != self.fingerprint:
                raise StoreError(
                    f"{path} was written with another configuration or other data; choose another checkpoint folder, or delete this one to start anew",
                    code="K03",
                )
            self._restore(loop, tensors, manifest)
            return True
        return False

    def _restore(self, loop: Loop, tensors: dict[str, np.ndarray], manifest: dict[str, Any]) -> None:
        def part(prefix: str) -> dict[str, torch.Tensor]:
            return {k[len(prefix) :]: torch.from_numpy(v.copy()) for k, v in tensors.items() if k.startswith(prefix)}

        loop.objective.load_state_dict(part("model."))
        loop.best_state = part("best.") or None
        loop.sums = part("sums.")
        loop.epoch, loop.step = manifest["epoch"], manifest["step"]
        loop.waited, loop.best = manifest["waited"], manifest["best"]
        history = manifest["history"]
        loop.history.terms, loop.history.valid, loop.history.best_epoch = history["terms"], history["valid"], history["best_epoch"]
        for phase, optimisers in loop.optimisers.items():
            for number, optimiser in enumerate(optimisers):
                key = f"optim.{phase}.{number}"
                saved = manifest["optimisers"][key]
                state = optimiser.state_dict()
                values = part(f"{key}.")
                state["state"] = {
                    int(i): {name: values[f"{i}.{name}"] if kind == "tensor" else kind for name, kind in names.items()}
                    for i, names in saved["state"].items()
                }
                for group, (lr,) in zip(state["param_groups"], saved["groups"], strict=True):
                    group["lr"] = lr
                optimiser.load_state_dict(state)
        torch.set_rng_state(torch.from_numpy(tensors["rng.torch"].copy()))


def _array(value: torch.Tensor) -> np.ndarray:
    return value.detach().cpu().contiguous().numpy()


def fingerprint(*parts: object) -> str:
    """SHA-256 of configuration and data facts."""
    import hashlib

    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()
