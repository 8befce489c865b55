"""``mcgurk doctor``: what is installed, what is not, and the command that changes it."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mcgurk.cli import _shell
from mcgurk.config import config

VIDEO_AND_SOUND = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "aac", "mp3", "opus", "flac")
PICTURES = ("jpg", "webp", "avif", "zlib")


def doctor() -> dict[str, Any]:
    """Say what is installed, which encoders have their weights, what can be decoded, and what to do about what is missing.

    Example: mcgurk doctor --json
    """
    requirements = importlib.metadata.requires("mcgurk") if _installed("mcgurk") else None
    core, extras = packages(requirements or ())
    facts: dict[str, Any] = {
        "mcgurk": _version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": _cores(),
        "device": _try(_device),
        "cache": _cache(config.cache),
        "packages": core,
        "extras": extras,
        "encoders": _try(_encoders),
        "decoders": {"pictures": _try(_pictures), "sound": _try(_sound), "video": _try(_video)},
    }
    facts["advice"] = advice(facts)
    _show(facts)
    _shell.session.exit_code = int(any(version is None for version in core.values()))
    return facts


def packages(requirements: Iterable[str]) -> tuple[dict[str, str | None], dict[str, dict[str, str | None]]]:
    """``{core package: version or None}`` and ``{extra: {package: version or None}}`` from the lines of mcgurk's own metadata."""
    core: dict[str, str | None] = {}
    extras: dict[str, dict[str, str | None]] = {}
    for line in requirements:
        name = re.split(r"[\s\[<>=!~;(]", line, maxsplit=1)[0]
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)""", line)
        (extras.setdefault(extra.group(1), {}) if extra else core)[name] = _installed(name)
    return core, extras


def advice(facts: dict[str, Any]) -> list[str]:
    """One sentence for every thing that is missing and worth having."""
    sentences = [
        f"{name} is needed and not installed; run: pip install {name}" for name, version in facts["packages"].items() if version is None
    ]
    if not facts["packages"]:
        sentences.append("mcgurk runs from a folder and is not installed, so its requirements are unknown; run: python bootstrap.py")
    if isinstance(facts["encoders"], dict) and (missing := [name for name, there in facts["encoders"].items() if not there]):
        sentences.append(f"weights not installed: {', '.join(missing)}; run: mcgurk assets install")
    if not facts["cache"]["writable"]:
        sentences.append(f"the cache folder {facts['cache']['folder']} cannot be written; set MCGURK_CACHE or give --cache")
    if facts["cache"]["free_gb"] < 1:
        sentences.append(f"only {facts['cache']['free_gb']} GB are free where the cache is; set MCGURK_CACHE to a larger disk")
    return sentences


def _version() -> str:
    from mcgurk import __version__

    return __version__


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _try(question: Callable[[], Any]) -> Any:
    """An answer, or why there is none: one broken package must not silence the doctor."""
    try:
        return question()
    except Exception as error:
        return f"not known: {type(error).__name__}: {error}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name(0)}"
    if torch.backends.mps.is_available():
        return "mps"
    return f"cpu, {torch.get_num_threads()} threads"


def _cache(folder: Path) -> dict[str, Any]:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return {
        "folder": str(folder),
        "writable": os.access(existing, os.W_OK),
        "free_gb": round(shutil.disk_usage(existing).free / 1e9, 1),
    }


def _encoders() -> dict[str, bool] | str:
    if importlib.util.find_spec("mcgurk.encoders") is None:
        return "none in this version"
    assets = importlib.import_module("mcgurk.encoders.assets")
    return {str(name): bool(there) for name, there in assets.status().items()}


def _pictures() -> list[str]:
    from PIL import features

    return [name for name in PICTURES if features.check(name)]


def _sound() -> list[str]:
    import soundfile

    return sorted(set(soundfile.available_formats()) & {"WAV", "FLAC", "OGG", "MP3", "AIFF", "CAF"})


def _video() -> list[str]:
    import av

    return [name for name in VIDEO_AND_SOUND if name in av.codecs_available]


def _show(facts: dict[str, Any]) -> None:
    if _shell.session.json:
        return
    from rich.table import Table

    def joined(value: Any) -> str:
        return value if isinstance(value, str) else ", ".join(map(str, value)) or "none"

    table = Table.grid(padding=(0, 2))
    cache = facts["cache"]
    table.add_row("mcgurk", f"{facts['mcgurk']} on Python {facts['python']} ({sys.executable})")
    table.add_row("machine", f"{facts['platform']}, {facts['cores']} cores, torch uses {facts['device']}")
    table.add_row("cache", f"{cache['folder']}, {cache['free_gb']} GB free" + ("" if cache["writable"] else ", not writable"))
    table.add_row("packages", joined(f"{name} {version or 'MISSING'}" for name, version in facts["packages"].items()))
    whole = [extra for extra, parts in facts["extras"].items() if all(parts.values())]
    table.add_row("extras", f"{joined(whole)}; not installed: {joined(e for e in facts['extras'] if e not in whole)}")
    encoders = facts["encoders"]
    table.add_row("encoders", encoders if isinstance(encoders, str) else joined(f"{n} {'yes' if t else 'no'}" for n, t in encoders.items()))
    for kind, names in facts["decoders"].items():
        table.add_row(kind, joined(names))
    console = _shell.console()
    console.print(table)
    for sentence in facts["advice"]:
        console.print(f"- {sentence}", markup=False)
