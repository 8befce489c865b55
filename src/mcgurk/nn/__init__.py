"""Parts networks are made of. Every part first calls :func:`mcgurk.nn.masked.clean`."""

from mcgurk._lazy import attach

_EXPORTS = {
    "Slot": "batch",
    "Batch": "batch",
    "SlotSpec": "batch",
    "Component": "component",
    "Encoder": "component",
    "Fusion": "component",
    "Head": "component",
    "Decoder": "component",
    "NamedModules": "component",
    "MLPHead": "mlp",
    "CrossAttention": "attention",
    "CrossBlock": "attention",
    "Transformer": "attention",
    "Standardise": "standardise",
    "Look": "look",
    "looked": "look",
    "masked": "",
    "tap": "tap",
}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
