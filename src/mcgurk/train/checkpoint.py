"""Checkpoints from which a killed run goes on to the same bits."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mcgurk.errors import IntegrityError, McgurkWarning, StoreError
from mcgurk.files import sweep
from mcgurk.tensorfile import read_tensors, write_tensors

if TYPE_CHECKING:
    from mcgurk.train.loop import Loop

KEEP = 2


class Checkpoints:
    """Writes the loop's whole state, keeps the last two files, and resumes from the newest that is whole.

    A file holds parameters, buffers, the best parameters so far, every optimiser's state, the random state that layers such as dropout draw
    from, the place within the epoch, the sums of its terms, and what early stopping has seen.

    Args:
        folder: where, or None for no checkpoints.
        fingerprint: names configuration and data; a checkpoint of another is refused.
        every: seconds between two; a kill loses at most that much.
    """

    def __init__(self, folder: Path | None, fingerprint: str, every: float = 30.0) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self.every = every
        self._last = time.monotonic()
        if folder is not None and folder.exists():
            sweep(folder)

    def due(self, loop: Loop) -> None:
        """Write if the interval has passed."""
        if self.folder is not None and time.monotonic() - self._last >= self.every:
            self.write(loop)

    def write(self, loop: Loop) -> None:
        """Write the state as one file; older files beyond the last two are removed."""
        if self.folder is None:
            return
        tensors = {f"model.{k}": _array(v) for k, v in loop.objective.state_dict().items()}
        tensors |= {f"best.{k}": _array(v) for k, v in (loop.best_state or {}).items()}
        tensors["rng.cpu"] = torch.get_rng_state().numpy().copy()
        if loop.on_cuda:
            tensors["rng.cuda"] = torch.cuda.get_rng_state(loop.run.device).numpy().copy()
        optimisers = {}
        for number, optimiser in enumerate(loop.optimisers):
            optimisers[str(number)] = state = optimiser.state_dict()
            for index, values in state["state"].items():
                tensors |= {f"optim.{number}.{index}.{k}": _array(v) for k, v in values.items() if isinstance(v, torch.Tensor)}
        manifest = {
            "fingerprint": self.fingerprint,
            "threads": torch.get_num_threads(),
            "epoch": loop.epoch,
            "step": loop.step,
            "waited": loop.waited,
            "best": loop.best,
            "sums": loop.sums,
            "history": {"terms": loop.history.terms, "valid": loop.history.valid, "best_epoch": loop.history.best_epoch},
            "rates": {number: [group["lr"] for group in state["param_groups"]] for number, state in optimisers.items()},
        }
        write_tensors(self.folder / f"checkpoint-{loop.epoch:06d}-{loop.step:08d}.safetensors", tensors, manifest)
        self._last = time.monotonic()
        for old in sorted(self.folder.glob("checkpoint-*.safetensors"))[:-KEEP]:
            old.unlink(missing_ok=True)

    def resume(self, loop: Loop) -> bool:
        """Put the newest whole checkpoint's state into the loop; whether there was one.

        Raises:
            StoreError: K05, the checkpoint belongs to another configuration or other data.
        """
        if self.folder is None or not self.folder.exists():
            return False
        for path in sorted(self.folder.glob("checkpoint-*.safetensors"), reverse=True):
            try:
                tensors, manifest = read_tensors(path)
            except IntegrityError as error:
                warnings.warn(McgurkWarning(f"{error}; it was deleted and training goes on from an older state", code="K04"), stacklevel=2)
                path.unlink()
                continue
            if manifest["fingerprint"] != self.fingerprint:
                raise StoreError(
                    f"{path} was written with another configuration or other data; "
                    "choose another checkpoint folder, or delete this one to start anew",
                    code="K05",
                )
            if manifest["threads"] != torch.get_num_threads():
                sentence = f"training began with {manifest['threads']} threads and goes on with {torch.get_num_threads()}"
                warnings.warn(
                    McgurkWarning(f"{sentence}; the last digits may differ from those of a run left alone", code="K03"), stacklevel=2
                )
            _restore(loop, {k: torch.from_numpy(v.copy()) for k, v in tensors.items()}, manifest)
            return True
        return False


def _restore(loop: Loop, tensors: dict[str, torch.Tensor], manifest: dict[str, Any]) -> None:
    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

    loop.objective.load_state_dict(part("model."))
    loop.best_state = part("best.") or None
    for name in ("epoch", "step", "waited", "best", "sums"):
        setattr(loop, name, manifest[name])
    for name, value in manifest["history"].items():
        setattr(loop.history, name, value)
    for number, optimiser in enumerate(loop.optimisers):
        state = optimiser.state_dict()
        state["state"] = {}
        for key, value in part(f"optim.{number}.").items():
            index, _, name = key.partition(".")
            state["state"].setdefault(int(index), {})[name] = value
        for group, rate in zip(state["param_groups"], manifest["rates"][str(number)], strict=True):
            group["lr"] = rate
        optimiser.load_state_dict(state)
    torch.set_rng_state(tensors["rng.cpu"])
    if "rng.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng.cuda"], loop.run.device)


def _array(value: torch.Tensor) -> np.ndarray:
    return value.detach().cpu().contiguous().numpy()


def fingerprint(*parts: object) -> str:
    """SHA-256 of configuration and data facts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()
