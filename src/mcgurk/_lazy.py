"""PEP 562: names that import their module on first use, so that ``import mcgurk`` costs a millisecond."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from mcgurk.errors import MissingPackage


def attach(package: str, exports: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__, __dir__, __all__`` for a package whose ``exports`` map a public name to the submodule that holds it.

    A module maps to itself with ``{"metrics": ""}``. A function may bear the name of its file (``{"tap": "tap"}``): it stays the function
    after the file has been imported.
    """
    if any(home == name for name, home in exports.items()):
        module = sys.modules[package]
        vars(module)["_functions"] = {name for name, home in exports.items() if home == name}
        module.__class__ = _Package

    def __getattr__(name: str) -> Any:
        if name not in exports:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(sorted(exports))}")
        module = importlib.import_module(f"{package}.{exports[name] or name}")
        return module if not exports[name] else getattr(module, name)

    def __dir__() -> list[str]:
        return sorted(exports)

    return __getattr__, __dir__, sorted(exports)


class _Package(types.ModuleType):
    """A package that does not let the import of a file hide the function of the same name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, types.ModuleType) and name in vars(self)["_functions"]):
            super().__setattr__(name, value)


def optional(module: str, extra: str, purpose: str) -> Any:
    """Import an optional package, or say which command installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackage(
            f"{purpose} needs the package {module.split('.')[0]!r}, which is not installed; run: pip install 'mcgurk[{extra}]'"
        ) from error
