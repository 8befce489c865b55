"""The data layer: columns, the Dataset, specs, readers, media, splits and the feature cache. No torch here."""

from mcgurk._lazy import attach

_EXPORTS = {
    "Dataset": "dataset",
    "Dense": "column",
    "Ragged": "column",
    "Lazy": "column",
    "Field": "column",
    "ColumnSpec": "spec",
    "TargetSpec": "target",
    "as_dataset": "coerce",
}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
