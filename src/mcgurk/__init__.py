"""Learn from several modalities at once, and find out honestly whether combining them helps."""

from __future__ import annotations

from mcgurk import _lazy

__version__ = "0.1.0"

#: Public name -> submodule that holds it; "" marks a submodule. Nothing is imported before it is used.
_EXPORTS = {
    "config": "",
    "errors": "",
    "McgurkError": "errors",
    "McgurkWarning": "errors",
}

__getattr__, __dir__, __all__ = _lazy.attach(__name__, _EXPORTS)
