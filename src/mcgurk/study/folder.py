"""A run's folder: results that name every file by its hash, and the check that nothing in it was changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcgurk.errors import IntegrityError, StoreError
from mcgurk.files import atomic_write, sha256_bytes, sha256_file
from mcgurk.study.plan import BINDING, read_plan

RESULTS = "results.json"
ALSO = ("plan.json", "model.mcgurk", "report.html", "rejects.parquet")


def write_results(folder: Path, body: Mapping[str, Any], plan: str) -> None:
    """Write ``results.json``: the comparison, the plan's hash, and the hash of every other file of the run."""
    content = {"kind": "mcgurk-compare-results", "plan_sha256": plan, **body, "files": files_of(folder)}
    text = json.dumps(content, sort_keys=True)
    atomic_write(folder / RESULTS, json.dumps({**json.loads(text), "sha256": sha256_bytes(text.encode())}, indent=1))


def files_of(folder: Path) -> dict[str, str]:
    """Hash of every file that belongs to the run."""
    paths = [folder / name for name in ALSO if (folder / name).exists()]
    paths += sorted((folder / "cells").glob("*.safetensors"))
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in paths}


def verify(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Recompute every hash of a run's folder, of one model file, or of a Parquet file that mcgurk wrote.

    Returns:
        ``{"ok": bool, "checked": number of files, "faults": [sentence, …]}``; an unfinished run has its plan and cells checked.

    Raises:
        StoreError: S03, there is no such folder or file; S05, it is no run.

    Example:
        >>> import tempfile, pathlib
        >>> verify(pathlib.Path(tempfile.mkdtemp()) / "nothing")
        Traceback (most recent call last):
        ...
        mcgurk.errors.StoreError: ...
    """
    target = Path(path)
    if not target.exists():
        raise StoreError(f"there is no {target}; give the folder of a run, or a .mcgurk file", code="S03")
    if target.is_file():
        return _report([target.name], _parquet_faults(target) if target.suffix == ".parquet" else _tensor_faults(target))
    faults: list[str] = []
    plan = read_plan(target / "plan.json")
    said = sha256_bytes(json.dumps({key: plan.get(key) for key in BINDING}, sort_keys=True).encode())
    if said != plan.get("sha256"):
        faults.append("plan.json does not match its own hash")
    checked = ["plan.json"]
    expected: Mapping[str, str] = {}
    if (target / RESULTS).exists():
        checked.append(RESULTS)
        expected, wrong = _results(target / RESULTS, plan.get("sha256"))
        faults += wrong
    for name, digest in expected.items():
        if not (target / name).exists():
            faults.append(f"{name} is missing")
        elif sha256_file(target / name) != digest:
            faults.append(f"{name} was changed after the run")
    others = [p for p in sorted((target / "cells").glob("*.safetensors")) if p.relative_to(target).as_posix() not in expected]
    for cell in others:
        faults += _tensor_faults(cell)
    return _report([*checked, *(n for n in expected if n not in checked), *(p.name for p in others)], faults)


def _results(path: Path, plan: Any) -> tuple[Mapping[str, str], list[str]]:
    """The files a results file names, and what is wrong with the file itself."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        digest, files, belongs = stored.pop("sha256"), stored["files"], stored["plan_sha256"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}, [f"{RESULTS} is damaged"]
    faults = []
    if sha256_bytes(json.dumps(stored, sort_keys=True).encode()) != digest:
        faults.append(f"{RESULTS} does not match its own hash")
    if belongs != plan:
        faults.append(f"{RESULTS} belongs to another plan than plan.json")
    return files, faults


def _tensor_faults(path: Path) -> list[str]:
    from mcgurk.tensorfile import read_tensors

    try:
        read_tensors(path)
    except IntegrityError as error:
        return [str(error)]
    return []


def _parquet_faults(path: Path) -> list[str]:
    from mcgurk.data.parquet import is_own, iter_own, read_arrow

    try:
        if is_own(path):
            for _ in iter_own(path):
                pass
        else:
            read_arrow(path)
    except IntegrityError as error:
        return [str(error)]
    return []


def _report(checked: list[str], faults: list[str]) -> dict[str, Any]:
    return {"ok": not faults, "checked": len(checked), "faults": faults}
