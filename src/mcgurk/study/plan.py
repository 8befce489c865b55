"""The plan of a study: data, contestants, folds and seeds, fixed before the first fit, stored, and binding for a resumed run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mcgurk.errors import McgurkWarning, StoreError, listing
from mcgurk.files import atomic_write, sha256_bytes
from mcgurk.registry import Candidate
from mcgurk.study.protocol import Protocol
from mcgurk.study.settings import Settings

FORMAT = 1
BINDING = ("data", "settings", "candidates", "folds")
RULE = (
    "the simplest within one standard error of the best, among those shown to beat the simplest baseline; "
    "where nothing is shown to, that baseline if it is within one standard error of the best, else the best"
)
"""Who is recommended; decided before the first fit."""
KEPT = {"baseline", "auto", "single", "early"}
"""Families that a limit on minutes never drops."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be run.

    Args:
        settings: the choices.
        candidates: the contestants, baselines first.
        protocol: the folds.
        data: hash and size of the data.
        dropped: names of contestants left out to keep within the minutes asked for.
        refused: method -> why it cannot enter, for methods that were asked for.
        expected: rough seconds, from the contestants' own estimates.
    """

    settings: Settings
    candidates: tuple[Candidate, ...]
    protocol: Protocol
    data: Mapping[str, Any]
    dropped: tuple[str, ...] = ()
    expected: float = 0.0
    refused: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Everything that binds, as plain JSON values."""
        shown = ("name", "columns", "family", "recipe", "cost", "simplicity", "label")
        body = {
            "kind": "mcgurk-compare-plan",
            "format": FORMAT,
            "data": dict(self.data),
            "settings": asdict(self.settings),
            "candidates": [{key: getattr(c, key) for key in shown} for c in self.candidates],
            "rule": RULE,
            "dropped": list(self.dropped),
            "refused": dict(self.refused),
            "folds": self.protocol.facts(),
            "expected_seconds": round(self.expected, 1),
        }
        return json.loads(json.dumps(body))

    @property
    def sha256(self) -> str:
        """What cells and results are tied to."""
        body = self.body()
        return sha256_bytes(json.dumps({key: body[key] for key in BINDING}, sort_keys=True).encode())

    def bind(self, folder: Path, circumstances: Mapping[str, Any]) -> bool:
        """Write ``plan.json`` into an empty folder, or check that the plan there is this one; returns whether a run is resumed.

        ``circumstances`` are versions and threads: under others the last digits may differ, so a resumed run warns (K03).

        Raises:
            StoreError: K02, the folder holds a run on other data or with other settings; S05, its plan cannot be read.
        """
        path = folder / "plan.json"
        if not path.exists():
            atomic_write(path, json.dumps({**self.body(), "circumstances": dict(circumstances), "sha256": self.sha256}, indent=1))
            return False
        stored = read_plan(path)
        if stored.get("sha256") != self.sha256:
            raise StoreError(
                f"{folder} holds a run {_difference(stored, self.body())}; give another folder, or delete it to start anew", code="K02"
            )
        before = stored.get("circumstances", {})
        changed = [f"{key} {before.get(key)} then, {value} now" for key, value in circumstances.items() if before.get(key, value) != value]
        if changed:
            sentence = (
                f"the run in {folder} was begun under other circumstances ({listing(changed)}); figures may differ in their last digits"
            )
            warnings.warn(McgurkWarning(sentence, code="K03"), stacklevel=3)
        return True


def read_plan(path: Path) -> dict[str, Any]:
    """A stored plan.

    Raises:
        StoreError: S05, it is not one.
    """
    if not path.exists():
        raise StoreError(f"{path.parent} holds no {path.name}, so it is no run; give the folder that compare wrote", code="S05")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read as a plan ({error}); delete the folder to start anew", code="S05") from None
    if not isinstance(stored, dict) or stored.get("kind") != "mcgurk-compare-plan":
        raise StoreError(f"{path} is not a plan of compare; give another folder", code="S05")
    return stored


def _difference(stored: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """In words, what differs between two plans."""
    if stored.get("data") != body["data"]:
        return "on other data"
    if stored.get("settings") != body["settings"]:
        before = stored.get("settings", {})
        changed = [f"{key} {before.get(key)!r}" for key, value in body["settings"].items() if before.get(key) != value]
        return f"with other settings ({listing(changed)})"
    return "with other contestants" if stored.get("candidates") != body["candidates"] else "with other folds"


def within(candidates: Sequence[Candidate], rows: int, fits: int, minutes: float | None) -> tuple[list[Candidate], tuple[str, ...], float]:
    """The contestants that fit into ``minutes``, those left out, and the expected seconds of ``fits`` fits each.

    Whole recipes go, the dearest first, so that what stays can still be compared with and without a modality. Baselines, single
    modalities, early fusion and the automatic choice always stay.
    """

    def seconds(chosen: Sequence[Candidate]) -> float:
        return float(sum(c.cost for c in chosen)) * max(rows, 100) / 1000 * fits

    by_recipe: dict[str, list[Candidate]] = {}
    for c in candidates:
        by_recipe.setdefault(c.recipe, []).append(c)
    optional = sorted((r for r, own in by_recipe.items() if not {c.family for c in own} & KEPT), key=lambda r: seconds(by_recipe[r]))
    chosen, dropped = list(candidates), []
    while minutes is not None and optional and seconds(chosen) > 60 * minutes:
        gone = optional.pop()
        chosen = [c for c in chosen if c.recipe != gone]
        dropped += [c.name for c in by_recipe[gone]]
    return chosen, tuple(dropped), seconds(chosen)
