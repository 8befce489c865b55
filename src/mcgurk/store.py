"""Models as files: one ``.mcgurk`` holds arrays and a JSON manifest; loading builds registered classes only and runs nothing else."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mcgurk import registry
from mcgurk.base import Estimator
from mcgurk.data.column import Field
from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import IntegrityError, StoreError, UnknownName
from mcgurk.files import sha256_file
from mcgurk.params import learn
from mcgurk.run import versions
from mcgurk.tensorfile import read_tensors, write_tensors

FORMAT = 1
RECORDS: dict[str, type] = {"Field": Field, "ColumnSpec": ColumnSpec, "TargetSpec": TargetSpec}
MAX_DEPTH = 64
#: What a damaged or hostile manifest can make a constructor or ``set_state`` raise.
FAULTS = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, ArithmeticError, AssertionError, MemoryError)


def save(model: Any, path: str | os.PathLike[str], *, embed: bool = False) -> None:
    """Write a fitted estimator to ``path``.

    The same model gives the same bytes. What belongs to this machine alone (a checkpoint folder, leave to download) is left out.

    Args:
        model: an estimator of a registered class.
        path: usually ending in ``.mcgurk``.
        embed: also put the packaged weights its encoders use inside, so that the file is enough.

    Raises:
        StoreError: S04, something in the model is not storable: a class that is in no registry, a callable.
    """
    if not isinstance(model, Estimator) or not model.__sklearn_is_fitted__():
        what = f"an unfitted {type(model).__name__}" if isinstance(model, Estimator) else f"a {type(model).__name__}"
        raise StoreError(f"{what} was given to save; give a fitted mcgurk estimator", code="S04")
    writer = Writer()
    manifest = {
        "kind": "mcgurk-model",
        "format": FORMAT,
        "model": writer.value(model, "model"),
        "provenance": writer.value(getattr(model, "provenance_", {}), "provenance"),
        "versions": versions(),
        "assets": _assets(model, writer.tensors, embed),
    }
    write_tensors(path, writer.tensors, manifest)


def load(path: str | os.PathLike[str]) -> Any:
    """Read an estimator that :func:`save` wrote. No code in the file is run; every byte is checked.

    Raises:
        StoreError: S03, no such file; S05, not a model; S06, a newer format; S08, it needs a method or weights that are not here.
        IntegrityError: S07, the file is damaged.
    """
    tensors, manifest = read_tensors(path)
    if manifest.get("kind") != "mcgurk-model":
        raise StoreError(f"{path} holds {manifest.get('kind') or 'no model'!r}, not a model; give a file written by save", code="S05")
    if manifest.get("format") != FORMAT:
        raise StoreError(
            f"{path} has format {manifest.get('format')!r}, this version reads {FORMAT}; update mcgurk or save the model again", code="S06"
        )
    try:
        _provide_assets(manifest["assets"], tensors, str(path))
        reader = Reader(tensors)
        model = reader.value(manifest["model"])
        if not isinstance(model, Estimator) or not _described(model):
            raise StoreError(f"{path} holds a {type(model).__name__}, not a fitted estimator; give a file written by save", code="S05")
        model.provenance_ = reader.value(manifest["provenance"])
    except UnknownName as error:
        raise StoreError(
            f"{path} needs a method that is not installed here ({error}); install the package that offers it", code="S08"
        ) from None
    except FAULTS as error:
        if isinstance(error, StoreError):
            raise
        raise IntegrityError(f"{path} does not describe a model this version can build ({type(error).__name__}: {error})") from None
    return model


def _described(model: Estimator) -> bool:
    """Whether the model says what it was fitted on, in the types that say it."""
    spec, target = getattr(model, "spec_", None), getattr(model, "target_", None)
    return isinstance(spec, dict) and all(isinstance(s, ColumnSpec) for s in spec.values()) and isinstance(target, (TargetSpec, type(None)))


class Writer:
    """Nested values as JSON, arrays aside in ``tensors``."""

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self._taken: set[str] = set()

    def value(self, value: Any, path: str, depth: int = 0) -> Any:
        """What JSON holds of ``value``; ``path`` names it in messages and names its arrays.

        Raises:
            StoreError: S04, it cannot be stored.
        """
        if depth > MAX_DEPTH:
            raise StoreError(f"{path[:80]}… is nested more than {MAX_DEPTH} deep, so it cannot be stored; flatten it", code="S04")
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$float": repr(value)}
        if isinstance(value, np.ndarray):
            return self._array(value, path, depth)
        if isinstance(value, (list, tuple)):
            parts = [self.value(v, f"{path}.{i}", depth + 1) for i, v in enumerate(value)]
            return {"$tuple": parts} if isinstance(value, tuple) else parts
        if isinstance(value, Mapping):
            pairs = [[self.value(k, path, depth + 1), self.value(v, f"{path}.{k}", depth + 1)] for k, v in value.items()]
            return {"$dict": pairs}
        for name, record in RECORDS.items():
            if type(value) is record:
                fields = {f: self.value(getattr(value, f), f"{path}.{f}", depth + 1) for f in record.__dataclass_fields__}
                return {"$record": name, "fields": fields}
        return self._object(value, path, depth)

    def _array(self, value: np.ndarray, path: str, depth: int) -> Any:
        if value.dtype == object or value.dtype.kind == "U":
            cells = [self.value(v, path, depth + 1) for v in value.ravel().tolist()]
            return {"$objects": cells, "shape": list(value.shape), "text": value.dtype.kind == "U"}
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            raise StoreError(f"{path} is an array of {value.dtype}, which cannot be stored; convert it to numbers", code="S04")
        key = self._name(path)
        self.tensors[key] = value
        return {"$tensor": key}

    def _object(self, value: Any, path: str, depth: int) -> Any:
        name = registry.name_of(type(value))
        if name is None:
            raise StoreError(
                f"{path} is a {type(value).__module__}.{type(value).__name__}, which is in no registry and so cannot be stored; "
                "register the class or use a built-in part",
                code="S04",
            )
        place = self._name(path)
        params = {k: v for k, v in value.get_params(deep=False).items() if k not in machine_only(value)}
        facts, arrays = state_of(value)
        for key, array in arrays.items():
            self.tensors[f"{place}::{key}"] = array
        return {
            "$object": name,
            "params": {k: self.value(_settled(v), f"{path}.{k}", depth + 1) for k, v in params.items()},
            "state": {k: self.value(v, f"{path}.{k}", depth + 1) for k, v in facts.items()},
            "tensors": sorted(arrays),
            "path": place,
        }

    def _name(self, path: str) -> str:
        """``path``, made different from every name given before: columns may be called "a.b", and keys 1 and "1"."""
        path = path.encode("utf-8", "backslashreplace").decode()
        name, number = path, 1
        while name in self._taken:
            number += 1
            name = f"{path}#{number}"
        self._taken.add(name)
        return name


class Reader:
    """The inverse of :class:`Writer`; whatever the manifest says, only registered classes and records are built."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.tensors = tensors

    def value(self, value: Any, depth: int = 0) -> Any:
        """The value that was written."""
        if depth > MAX_DEPTH + 1:
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
        params = {k: self.value(v, depth + 1) for k, v in value["params"].items() if k not in machine_only(cls)}
        made = cls(**params)
        facts = {k: self.value(v, depth + 1) for k, v in value["state"].items()}
        restore(made, facts, {key: self.tensors[f"{value['path']}::{key}"] for key in value["tensors"]})
        return made


def machine_only(thing: Any) -> tuple[str, ...]:
    """Constructor arguments that belong to a machine and not to a model: never written, never taken from a file."""
    return getattr(thing, "machine_only", ())


def _settled(value: Any) -> Any:
    """A random generator given as ``random_state`` has moved on since; it is stored as None."""
    return None if isinstance(value, (np.random.RandomState, np.random.Generator)) else value


def state_of(thing: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Fitted facts and arrays: ``get_state()`` where the class has one, else the attributes that end in one underscore."""
    if callable(getattr(type(thing), "get_state", None)):
        return thing.get_state()
    facts = {k: v for k, v in vars(thing).items() if k.endswith("_") and not k.startswith("_") and k != "provenance_"}
    return facts, {}


def restore(thing: Any, facts: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """The inverse of :func:`state_of`."""
    if callable(getattr(type(thing), "set_state", None)):
        if facts or tensors:
            thing.set_state(facts, tensors)
        return
    learn(thing, facts)


def _assets(model: Any, tensors: dict[str, np.ndarray], embed: bool) -> dict[str, Any]:
    """Packaged weights the model refers to by name and hash, and with ``embed`` the files themselves."""
    out: dict[str, Any] = {}
    for asset in sorted({asset for encoder in _encoders(model, set()) for asset in getattr(encoder, "assets", ())}):
        weights = importlib.import_module("mcgurk.encoders.assets")
        out[asset] = {"weights": weights.weights_hash(asset), "files": {}}
        if embed:
            folder = weights.path(asset)
            for file in (folder / name for name in sorted(weights.asset(asset).files)):
                name = file.relative_to(folder).as_posix()
                out[asset]["files"][name] = sha256_file(file)
                tensors[f"asset::{asset}::{name}"] = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    return out


def _provide_assets(assets: Mapping[str, Any], tensors: Mapping[str, np.ndarray], path: str) -> None:
    """Put embedded weights where encoders look for them, unless they are installed already."""
    for asset, facts in assets.items():
        weights = importlib.import_module("mcgurk.encoders.assets")
        if facts["weights"] != weights.weights_hash(asset):
            raise StoreError(f"{path} was fitted on other weights {asset!r} than this version uses; fit it again", code="S08")
        if facts["files"]:
            weights.provide(asset, {name: tensors[f"asset::{asset}::{name}"].tobytes() for name in facts["files"]}, facts["files"])


def _encoders(thing: Any, seen: set[int]) -> Iterator[Any]:
    """Every encoder within a fitted estimator."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Mapping):
        for value in thing.values():
            yield from _encoders(value, seen)
    elif isinstance(thing, (list, tuple)):
        for value in thing:
            yield from _encoders(value, seen)
    elif hasattr(thing, "fingerprint") and hasattr(thing, "prepare"):
        yield thing
    elif hasattr(thing, "get_params") and hasattr(thing, "__dict__"):
        for value in vars(thing).values():
            if not isinstance(value, (np.ndarray, str, bytes, int, float)):
                yield from _encoders(value, seen)
