"""Losses: pure functions on tensors, one family a file."""

from mcgurk._lazy import attach

_EXPORTS = {"region_kl": "regions", "info_nce": "contrastive"}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
