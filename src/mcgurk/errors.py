"""One tree of errors; every message says what was given, what was expected and what to do, and carries a stable code."""

from __future__ import annotations


class McgurkError(Exception):
    """Base of every error mcgurk raises on purpose.

    Args:
        message: one sentence: what was given, what was expected, what to do.
        code: stable identifier such as ``"M02"``, shown by ``--json`` and listed in ``docs/errors.md``.
    """

    code = "E00"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class DataError(McgurkError, ValueError):
    """The data given cannot be what the call needs."""

    code = "D00"


class SpecMismatch(DataError):
    """Columns at predict differ in name, kind or shape from those the model was fitted on."""

    code = "D01"


class MissingModality(DataError):
    """A modality the model was fitted on is not in the data."""

    code = "M02"


class MediaError(DataError):
    """An image, sound or video cannot be decoded, or breaks a limit."""

    code = "F00"


class NotFittedError(McgurkError, ValueError, AttributeError):
    """``predict`` or ``transform`` was called before ``fit``."""

    code = "E02"


class UnknownName(McgurkError, LookupError):
    """A name is not in the registry (or the table); the nearest known names are given."""

    code = "U01"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class MissingPackage(McgurkError, ImportError):
    """An optional package is not installed; the message holds the command that installs it."""

    code = "P01"


class StoreError(McgurkError):
    """A model, cache or run folder cannot be read or written."""

    code = "S00"


class IntegrityError(StoreError):
    """A stored artefact does not match its checksum."""

    code = "S07"


class ResourceError(McgurkError):
    """A limit on memory, disk or time would be broken."""

    code = "R00"


class McgurkWarning(UserWarning):
    """Something was noticed and handled; nothing was lost. ``code`` is listed in ``docs/errors.md``."""

    def __init__(self, message: str, *, code: str = "W00") -> None:
        super().__init__(message)
        self.code = code


def listing(names: object, limit: int = 5) -> str:
    """``a, b, c and 4 more``: names for a message, never a wall of them."""
    items = [str(n) for n in names]  # type: ignore[attr-defined]
    shown = ", ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
