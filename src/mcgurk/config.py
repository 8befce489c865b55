"""Settings that belong to the machine and not to a method: cache folder, device, threads, progress, limits on what is decoded.

Read them as ``mcgurk.config.cache``; change them with :func:`set`, for good or for one ``with`` block::

    mcgurk.config.set(threads=1)
    with mcgurk.config.set(cache="/scratch/features", progress=False):
        ...
"""

from __future__ import annotations

import dataclasses
import os
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcgurk.errors import McgurkError, UnknownName


@dataclass(frozen=True)
class Limits:
    """What a single item may cost before it is refused; every limit has its own error, none is a silent cut."""

    pixels: int = 100_000_000
    """Pixels of one image or of one video frame."""
    video_pixels: int = 400_000_000_000
    """Frames times pixels of one video: about 50 hours of 320 x 240 at 25 frames a second, 2 hours of full HD."""
    audio_seconds: float = 12 * 3600.0
    """Length of one sound in seconds."""
    audio_channels: int = 64
    """Channels of one sound."""
    sample_rate: int = 192_000
    """Samples a second."""
    text_bytes: int = 64 * 2**20
    """Bytes of one text."""
    table_bytes: int = 8 * 2**30
    """Decoded bytes of one table that is read whole."""
    json_depth: int = 64
    """Nesting of a JSON document."""
    archive_ratio: float = 100.0
    """Decompressed over compressed size."""
    archive_members: int = 100_000
    """Files in one archive."""


def default_cache() -> Path:
    """``MCGURK_CACHE`` if it is set, else the platform's folder for caches."""
    if named := os.environ.get("MCGURK_CACHE"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mcgurk"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "mcgurk" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcgurk"


@dataclass
class Config:
    """The settings of this process; one object, :data:`config`, holds them."""

    cache: Path = field(default_factory=default_cache)
    """Folder of the feature cache and of installed weights."""
    device: str = "auto"
    """``"auto"`` (an accelerator if torch sees one, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``."""
    threads: int | None = None
    """Threads of one computation; ``None`` lets the size of the work decide."""
    progress: bool | None = None
    """Progress bars: ``None`` shows them where standard error is a terminal."""
    limits: Limits = field(default_factory=Limits)
    """See :class:`Limits`."""

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar would be seen and is wanted."""
        return sys.stderr.isatty() if self.progress is None else self.progress


config = Config()
_SETTINGS = tuple(item.name for item in dataclasses.fields(Config))


class set:
    """Change settings; as a context manager, put the old ones back at the end.

    Args:
        **settings: any of cache, device, threads, progress, limits; ``limits`` takes a :class:`Limits` or a dict of the ones to change.

    Raises:
        UnknownName: a setting that does not exist.
        McgurkError: a value that cannot be meant (code C01).

    Example:
        >>> import mcgurk
        >>> with mcgurk.config.set(threads=1, limits={"pixels": 10**6}):
        ...     mcgurk.config.threads, mcgurk.config.limits.pixels
        (1, 1000000)
    """

    def __init__(self, **settings: Any) -> None:
        checked = {name: _checked(name, value) for name, value in settings.items()}
        self._before = {name: getattr(config, name) for name in checked}
        for name, value in checked.items():
            setattr(config, name, value)

    def __enter__(self) -> Config:
        return config

    def __exit__(self, *exception: object) -> None:
        for name, value in self._before.items():
            setattr(config, name, value)


def _checked(name: str, value: Any) -> Any:
    if name not in _SETTINGS:
        raise UnknownName(f"no setting is called {name!r}; there are {', '.join(_SETTINGS)}")
    if name == "cache":
        return Path(value).expanduser()
    if name == "limits":
        return _merged(value)
    if name == "threads" and not (value is None or (isinstance(value, int) and value >= 1)):
        raise McgurkError(f"threads was {value!r}; give a whole number from 1 up, or None to let the size of the work decide", code="C01")
    if name == "device" and str(value).split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise McgurkError(f"device was {value!r}; give 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'", code="C01")
    if name == "progress" and value not in (None, True, False):
        raise McgurkError(f"progress was {value!r}; give True, False or None (shown on a terminal)", code="C01")
    return str(value) if name == "device" else value


def _merged(value: Limits | Mapping[str, float]) -> Limits:
    if isinstance(value, Limits):
        return value
    known = {item.name for item in dataclasses.fields(Limits)}
    for name, limit in value.items():
        if name not in known:
            raise UnknownName(f"no limit is called {name!r}; there are {', '.join(sorted(known))}")
        if not limit > 0:
            raise McgurkError(f"the limit {name} was {limit!r}; give a number above 0", code="C01")
    return dataclasses.replace(config.limits, **value)  # type: ignore[arg-type]


class _Module(types.ModuleType):
    """Lets ``mcgurk.config.threads`` read the setting, and refuses the assignment that would only look like one."""

    def __getattr__(self, name: str) -> Any:
        if name in _SETTINGS or name == "shows_progress":
            return getattr(config, name)
        raise AttributeError(f"mcgurk.config has no setting {name!r}; it has {', '.join(_SETTINGS)}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SETTINGS:
            raise AttributeError(f"settings are changed with mcgurk.config.set({name}=...)")
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Module
