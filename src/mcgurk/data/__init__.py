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
    "Reading": "read",
    "read_csv": "read",
    "read_tsv": "read",
    "read_parquet": "read",
    "read_jsonl": "read",
    "read_folder": "read",
    "read_table": "read",
    "iter_table": "read",
    "write_parquet": "read",
    "Description": "describe",
    "FeatureCache": "cache",
    "remove": "missing",
    "folds": "split",
    "holdout": "split",
    "join": "pairs",
    "expand": "pairs",
    "join_tasks": "task_sets",
    "clean_of": "task_sets",
    "Timeline": "timeline",
    "RegularTrack": "timeline",
    "PointTrack": "timeline",
    "IntervalTrack": "timeline",
    "Grid": "grid",
    "resample": "resample",
    "cut": "cut",
}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
