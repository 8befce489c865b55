"""Models as files: one ``.mcgurk`` holds arrays and a JSON manifest; loading builds registered classes only and runs nothing else."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mcgurk import registry
from mcgurk.data.column import Field
from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import IntegrityError, StoreError, UnknownName
from mcgurk.files import sha256_file
from mcgurk.run import versions
from mcgurk.tensorfile import read_tensors, write_tensors

FORMAT = 1
RECORDS: dict[str, type] = {"Field": Field, "ColumnSpec": ColumnSpec, "TargetSpec": TargetSpec}
MAX_DEPTH = 64


def save(model: Any, path: str | os.PathLike[str], *, embed: bool = False) -> None:
    """Write a fitted estimator to ``path``.

    Args:
        model: an estimator of a registered class.
        path: usually ending in ``.mcgurk``.
        embed: also put the packaged weights its encoders use inside, so that the file is enough.

    Raises:
        StoreError: S04, something in the model is not storable: a class that is in no registry, a callable.
    """
    tensors: dict[str, np.ndarray] = {}
    writer = _Writer(tensors)
    body = writer.value(model, "model")
    manifest = {"kind": "mcgurk-model", "format": FORMAT, "model": body, "versions": versions(), "assets": _assets(model, tensors, embed)}
    write_tensors(path, tensors, manifest)


def load(path: str | os.PathLike[str]) -> Any:
    """Read an estimator that :func:`save` wrote. No code in the file is run; every byte is checked.

    Raises:
        StoreError: no such file, a newer format, or a class this installation does not have.
        IntegrityError: the file is damaged.
    """
    tensors, manifest = read_tensors(path)
    if manifest.get("kind") != "mcgurk-model":
        raise StoreError(f"{path} holds {manifest.get('kind') or 'no model'!r}, not a model; give a file written by save", code="S05")
    if manifest.get("format") != FORMAT:
        raise StoreError(
            f"{path} has format {manifest.get('format')!r}, this version reads {FORMAT}; update mcgurk or save the model again", code="S06"
        )
    _provide_assets(manifest.get("assets", {}), tensors, str(path))
    try:
        return _Reader(tensors).value(manifest["model"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        if isinstance(error, (StoreError, UnknownName, IntegrityError)):
            raise
        raise IntegrityError(f"{path} does not describe a model this version can build ({type(error).__name__}: {error})") from None


class _Writer:
    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self.tensors = tensors

    def value(self, value: Any, path: str) -> Any:
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$float": repr(value)}
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, (list, tuple)):
            parts = [self.value(v, f"{path}.{i}") for i, v in enumerate(value)]
            return {"$tuple": parts} if isinstance(value, tuple) else parts
        if isinstance(value, Mapping):
            return {"$dict": [[self.value(k, path), self.value(v, f"{path}.{k}")] for k, v in value.items()]}
        for name, record in RECORDS.items():
            if type(value) is record:
                return {"$record": name, "fields": {f: self.value(getattr(value, f), f"{path}.{f}") for f in record.__dataclass_fields__}}
        return self._object(value, path)

    def _array(self, value: np.ndarray, path: str) -> Any:
        if value.dtype == object or value.dtype.kind in "US":
            return {
                "$objects": [self.value(v, path) for v in value.ravel().tolist()],
                "shape": list(value.shape),
                "text": value.dtype.kind in "US",
            }
        key = path
        self.tensors[key] = np.ascontiguousarray(value).reshape(value.shape)
        return {"$tensor": key}

    def _object(self, value: Any, path: str) -> Any:
        name = registry.name_of(type(value))
        if name is None:
            raise StoreError(
                f"{path} is a {type(value).__module__}.{type(value).__name__}, which is in no registry and so cannot be stored; "
                "register the class or use a built-in part",
                code="S04",
            )
        out: dict[str, Any] = {
            "$object": name,
            "params": {k: self.value(v, f"{path}.{k}") for k, v in value.get_params(deep=False).items()},
        }
        facts, arrays = state_of(value)
        out["state"] = {k: self.value(v, f"{path}.{k}") for k, v in facts.items()}
        out["tensors"] = sorted(arrays)
        for key, array in arrays.items():
            self.tensors[f"{path}::{key}"] = array
        out["path"] = path
        return out


class _Reader:
    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self.tensors = tensors

    def value(self, value: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise StoreError("the model's manifest is nested too deeply; it was not written by mcgurk", code="S05")
        if isinstance(value, list):
            return [self.value(v, depth + 1) for v in value]
        if not isinstance(value, dict):
            return value
        if "$float" in value:
            return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value["$float"]]
        if "$tensor" in value:
            return self.tensors[value["$tensor"]]
        if "$objects" in value:
            out = np.empty(len(value["$objects"]), dtype=object)
            for i, v in enumerate(value["$objects"]):
                out[i] = self.value(v, depth + 1)
            return (out.astype(str) if value["text"] else out).reshape(value["shape"])
        if "$tuple" in value:
            return tuple(self.value(v, depth + 1) for v in value["$tuple"])
        if "$dict" in value:
            return {self.value(k, depth + 1): self.value(v, depth + 1) for k, v in value["$dict"]}
        if "$record" in value:
            return RECORDS[value["$record"]](**{k: self.value(v, depth + 1) for k, v in value["fields"].items()})
        return self._object(value, depth)

    def _object(self, value: dict[str, Any], depth: int) -> Any:
        room, _, name = str(value["$object"]).partition(":")
        cls = registry.find(room, name)
        params = {k: self.value(v, depth + 1) for k, v in value["params"].items()}
        made = cls(**params)
        facts = {k: self.value(v, depth + 1) for k, v in value["state"].items()}
        restore(made, facts, {key: self.tensors[f"{value['path']}::{key}"] for key in value["tensors"]})
        return made


def state_of(thing: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Fitted facts and arrays: ``get_state()`` where the class has one, else the attributes that end in one underscore."""
    if callable(getattr(type(thing), "get_state", None)):
        return thing.get_state()
    return {k: v for k, v in vars(thing).items() if k.endswith("_") and not k.startswith("_")}, {}


def restore(thing: Any, facts: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """The inverse of :func:`state_of`."""
    if callable(getattr(type(thing), "set_state", None)):
        if facts or tensors:
            thing.set_state(facts, tensors)
        return
    for key, value in facts.items():
        if not key.endswith("_") or key.startswith("_"):
            raise StoreError(
                f"the model's manifest sets {key!r}, which no fitted attribute is called; it was not written by mcgurk", code="S05"
            )
        setattr(thing, key, value)


def _assets(model: Any, tensors: dict[str, np.ndarray], embed: bool) -> dict[str, Any]:
    """Packaged weights the model refers to by name and hash, and with ``embed`` the files themselves."""
    out: dict[str, Any] = {}
    for encoder in _walk(model, set()):
        for asset in getattr(encoder, "assets", ()):
            folder = importlib.import_module("mcgurk.encoders.assets").path(asset)
            files = {f.relative_to(folder).as_posix(): f for f in sorted(folder.rglob("*")) if f.is_file()}
            out[asset] = {"files": {name: sha256_file(f) for name, f in files.items()}, "embedded": embed}
            if embed:
                for name, f in files.items():
                    tensors[f"asset::{asset}::{name}"] = np.frombuffer(f.read_bytes(), dtype=np.uint8)
    return out


def _provide_assets(assets: Mapping[str, Any], tensors: dict[str, np.ndarray], path: str) -> None:
    """Put embedded weights where encoders look for them, unless they are installed already."""
    for asset, facts in assets.items():
        if facts.get("embedded"):
            files = {name: tensors.pop(f"asset::{asset}::{name}").tobytes() for name in facts["files"]}
            importlib.import_module("mcgurk.encoders.assets").provide(asset, files, facts["files"])


def _walk(thing: Any, seen: set[int]) -> Any:
    """Every encoder within a fitted estimator."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Mapping):
        for value in thing.values():
            yield from _walk(value, seen)
    elif isinstance(thing, (list, tuple)):
        for value in thing:
            yield from _walk(value, seen)
    elif hasattr(thing, "fingerprint") and hasattr(thing, "prepare"):
        yield thing
    elif hasattr(thing, "get_params") and hasattr(thing, "__dict__"):
        for value in vars(thing).values():
            if not isinstance(value, (np.ndarray, str, bytes, int, float)):
                yield from _walk(value, seen)
