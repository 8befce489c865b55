"""Quantification: what modalities hold and what a model makes of them, with intervals."""

from mcgurk.registry import Entry, exports

ENTRIES: dict[str, Entry] = {
    "emap": Entry(
        "emap:EMAP",
        "measure",
        "what a fitted model loses when its interactions between modalities are removed",
        None,
        ("classes", "multilabel", "number", "count"),
        "n^2 predictions",
        "Hessel, Lee 2020, EMNLP",
        small={"rows": 20, "repeats": 100},
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES)
