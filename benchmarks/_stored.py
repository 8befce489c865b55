"""Parts of a long run, each kept as it is ready, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mcgurk
from mcgurk.config import config
from mcgurk.files import atomic_write
from mcgurk.results import plain


class Stored:
    """Results by key, in a folder of the cache that belongs to this benchmark, these settings and this source code.

    Args:
        name: of the benchmark.
        settings: whatever its results depend on besides the source code of mcgurk and their keys.
        folder: where to keep them; default: the cache.
    """

    def __init__(self, name: str, settings: Any, folder: Path | None = None) -> None:
        state = hashlib.sha256(repr(settings).encode())
        for path in sorted(Path(mcgurk.__file__).parent.rglob("*.py")):
            state.update(path.read_bytes())
        self.folder = (folder or Path(config.cache) / "benchmarks" / name) / state.hexdigest()[:16]

    def get(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of this key: read, or made and kept."""
        path = self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["result"]
            return found
        result: dict[str, Any] = plain(make())
        atomic_write(path, json.dumps({"key": key, "result": result}))
        return result
