"""What every part must pass, for ours and for strangers' parts alike."""

from mcgurk._lazy import attach

_EXPORTS = {"check": "conformance", "checks": "conformance", "Failure": "conformance"}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
