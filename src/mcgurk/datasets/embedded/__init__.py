"""The files that travel inside the package, each checked against its SHA-256 before anything reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mcgurk.errors import IntegrityError, StoreError
from mcgurk.files import atomic_write, sha256_bytes

FOLDER = Path(__file__).parent
MANIFEST = "manifest.json"


def read(dataset: str, name: str, *, folder: Path = FOLDER) -> bytes:
    """The bytes of one embedded file.

    Args:
        dataset: folder of the data set, such as ``"emoji"``.
        name: file in it, as the manifest lists it.

    Raises:
        StoreError: S03 when the file is not in the installation.
        IntegrityError: S07 when its bytes are not those the package was made with.
    """
    entry = manifest(dataset, folder=folder)["files"].get(name)
    path = folder / dataset / name
    if entry is None or not path.is_file():
        raise StoreError(f"embedded file {dataset}/{name} is not in this installation ({path}); reinstall mcgurk", code="S03")
    content = path.read_bytes()
    if sha256_bytes(content) != entry["sha256"]:
        raise IntegrityError(
            f"{path} has {len(content)} bytes that do not match the SHA-256 it was shipped with ({entry['bytes']} bytes); reinstall mcgurk"
        )
    return content


def manifest(dataset: str, *, folder: Path = FOLDER) -> dict:
    """What was shipped: ``files`` (SHA-256 and size of each), ``source``, ``made_with``."""
    path = folder / dataset / MANIFEST
    if not path.is_file():
        raise StoreError(f"embedded data set {dataset!r} is not in this installation ({path}); reinstall mcgurk", code="S03")
    try:
        found = json.loads(path.read_text("utf-8"))
        found["files"].get("")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"{path} is not a manifest ({error}); reinstall mcgurk") from None
    return found


def write_manifest(folder: Path, contents: Mapping[str, bytes], *, source: str, made_with: Mapping[str, str]) -> None:
    """Used by the build scripts: record what they wrote."""
    files = {name: {"sha256": sha256_bytes(content), "bytes": len(content)} for name, content in sorted(contents.items())}
    record = {"files": files, "made_with": dict(sorted(made_with.items())), "source": source}
    atomic_write(folder / MANIFEST, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
