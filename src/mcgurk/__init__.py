"""Learn from several modalities at once, and find out honestly whether combining them helps."""

from __future__ import annotations

from mcgurk import _lazy

__version__ = "0.1.0"

#: Public name -> submodule that holds it; "" marks a submodule. Nothing is imported before it is used.
_EXPORTS = {
    "alignment": "",
    "config": "",
    "coordination": "",
    "data": "",
    "datasets": "",
    "encoders": "",
    "errors": "",
    "fission": "",
    "fusion": "",
    "generation": "",
    "metrics": "",
    "nn": "",
    "quantification": "",
    "registry": "",
    "study": "",
    "Dataset": "data.dataset",
    "Dense": "data.column",
    "Lazy": "data.column",
    "Ragged": "data.column",
    "read_csv": "data.read",
    "read_folder": "data.read",
    "read_jsonl": "data.read",
    "read_parquet": "data.read",
    "read_table": "data.read",
    "read_tsv": "data.read",
    "write_parquet": "data.read",
    "FusionClassifier": "fusion.estimators",
    "FusionRegressor": "fusion.estimators",
    "MultiTask": "fusion.multitask",
    "Comparison": "study.comparison",
    "compare": "study.compare",
    "load": "store",
    "save": "store",
    "McgurkError": "errors",
    "McgurkWarning": "errors",
}

__getattr__, __dir__, __all__ = _lazy.attach(__name__, _EXPORTS)
