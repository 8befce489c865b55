"""Finished pieces of a study: one contestant on one fold is one checked file, so a killed run loses at most the fit in flight."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.errors import IntegrityError
from mcgurk.files import sha256_bytes, sweep
from mcgurk.tensorfile import read_tensors, write_tensors


@dataclass(frozen=True, eq=False)
class Cell:
    """What one contestant did on one fold.

    Args:
        candidate, fold: which.
        scores: (units, k) probabilities or numbers of the test units, in the order of the rows; empty where it failed.
        without: modality -> the same scores with that modality absent from every test row.
        facts: seconds of fit and predict, parameters, bytes when saved, what an automatic choice chose.
        notes: (code, message) of warnings.
        failure: (code, sentence) where it could not be fitted or did not predict.
    """

    candidate: str
    fold: int
    scores: np.ndarray
    without: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    failure: tuple[str, str] | None = None


class Cells:
    """The cells of a run: in ``folder``, or in memory only where there is none."""

    def __init__(self, folder: Path | None, plan: str) -> None:
        self.folder, self.plan = folder, plan
        self._kept: dict[tuple[str, int], Cell] = {}
        if folder is not None and folder.exists():
            sweep(folder)

    def path(self, candidate: str, fold: int) -> Path:
        """Where a cell lies: a readable name and a hash that keeps names apart."""
        assert self.folder is not None
        readable = re.sub(r"[^A-Za-z0-9]+", "-", candidate).strip("-")[:60]
        return self.folder / f"{readable}-{sha256_bytes(candidate.encode())[:8]}-{fold:03d}.safetensors"

    def get(self, candidate: str, fold: int) -> Cell | None:
        """A finished cell of this plan; None where there is none yet or the file is damaged (it is then made again)."""
        if (candidate, fold) in self._kept:
            return self._kept[candidate, fold]
        if self.folder is None or not self.path(candidate, fold).exists():
            return None
        try:
            arrays, manifest = read_tensors(self.path(candidate, fold))
        except IntegrityError:
            return None
        if manifest.get("plan") != self.plan:
            return None
        without = {name.partition(":")[2]: values for name, values in arrays.items() if name.startswith("without:")}
        failure = manifest["failure"]
        cell = Cell(
            candidate,
            fold,
            arrays["scores"],
            dict(sorted(without.items())),
            manifest["facts"],
            tuple((code, text) for code, text in manifest["notes"]),
            None if failure is None else (failure[0], failure[1]),
        )
        self._kept[candidate, fold] = cell
        return cell

    def put(self, cell: Cell) -> None:
        """Keep a finished cell; on disk atomically. A fault of the program (E99) is not kept on disk: mended, it is tried again."""
        self._kept[cell.candidate, cell.fold] = cell
        if self.folder is None or (cell.failure is not None and cell.failure[0] == "E99"):
            return
        arrays = {"scores": cell.scores, **{f"without:{name}": values for name, values in cell.without.items()}}
        manifest = {
            "kind": "mcgurk-compare-cell",
            "plan": self.plan,
            "candidate": cell.candidate,
            "fold": cell.fold,
            "facts": cell.facts,
            "notes": [list(note) for note in cell.notes],
            "failure": None if cell.failure is None else list(cell.failure),
        }
        write_tensors(self.path(cell.candidate, cell.fold), arrays, manifest)
