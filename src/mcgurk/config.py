"""Settings that belong to the machine and not to a method: cache folder, device, threads, progress.

Read them as ``mcgurk.config.cache``; change them with :func:`set`, for good or for one ``with`` block::

    mcgurk.config.set(threads=1)
    with mcgurk.config.set(cache="/scratch/features", progress=False):
        ...

Limits on what is decoded (pixels, seconds, bytes) are :mod:`mcgurk.data.limits`.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcgurk.errors import McgurkError, UnknownName


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

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar would be seen and is wanted."""
        return sys.stderr.isatty() if self.progress is None else self.progress


config = Config()
_SETTINGS = tuple(item.name for item in dataclasses.fields(Config))


class set:
    """Change settings; as a context manager, put the old ones back at the end.

    Args:
        **settings: any of cache, device, threads, progress.

    Raises:
        UnknownName: a setting that does not exist.
        McgurkError: a value that cannot be meant (code C01).

    Example:
        >>> import mcgurk
        >>> with mcgurk.config.set(threads=1, device="cpu"):
        ...     mcgurk.config.threads, mcgurk.config.device
        (1, 'cpu')
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
    if name == "threads" and not (value is None or (isinstance(value, int) and value >= 1)):
        raise McgurkError(f"threads was {value!r}; give a whole number from 1 up, or None to let the size of the work decide", code="C01")
    if name == "device" and str(value).split(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise McgurkError(f"device was {value!r}; give 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'", code="C01")
    if name == "progress" and value not in (None, True, False):
        raise McgurkError(f"progress was {value!r}; give True, False or None (shown on a terminal)", code="C01")
    return str(value) if name == "device" else value


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
