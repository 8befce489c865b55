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
    "heterogeneity": Entry(
        "heterogeneity:Heterogeneity",
        "measure",
        "what a modality loses in a network that another one trained, of modalities and of pairs; who may share parameters",
        None,
        ("classes", "multilabel", "number", "count"),
        "folds (M^2 + pairs^2) short trainings",
        "Liang, Lyu, Fan, Tsaw, Liu, Mo, Yogatama, Morency, Salakhutdinov 2023, TMLR",
        small={
            "layer": ("highmmt", {"latents": 2, "width": 8, "heads": 2, "bands": 1, "tag": 2}),
            "folds": 2,
            "epochs": 2,
            "refit": 2,
            "repeats": 100,
        },
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES)
