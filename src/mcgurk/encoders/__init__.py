"""From raw columns to numbers: what is fitted on training rows, what is frozen and cached, what trains with the model.

``encoder="auto"`` is no entry of this table: the estimator resolves it per column with :func:`mcgurk.encoders.auto.default_encoder`.
"""

from mcgurk.registry import Entry, exports

ENTRIES: dict[str, Entry] = {
    "precomputed": Entry(
        "vector:Precomputed",
        role="encoder",
        wants=("vector", "series"),
        summary="vectors, or series of vectors, that were computed elsewhere",
        cost="0",
    ),
    "tabular": Entry(
        "tabular:TabularEncoder",
        role="encoder",
        wants=("tabular",),
        summary="numbers, categories, dates and flags of a table as one vector, with flags for missing cells",
        cost="p per row",
    ),
    "tfidf": Entry(
        "tfidf:TfidfEncoder",
        role="encoder",
        wants=("text",),
        summary="term-document matrix with TF-IDF weights, as latent components, as all terms, or exactly in the span of the training texts",
        cost="words x components",
        paper="Salton, Buckley 1988, Information Processing & Management; Deerwester et al. 1990, JASIS",
        small={"components": 3},
    ),
    "minilm": Entry(
        "minilm:MiniLMEncoder",
        role="encoder",
        wants=("text",),
        summary="sentence vectors (384) of the packaged all-MiniLM-L6-v2, or one vector a token",
        cost="21e6 x tokens",
        paper="Wang et al. 2020, NeurIPS; Reimers, Gurevych 2019, EMNLP",
    ),
    "efficientnet": Entry(
        "efficientnet:EfficientNetEncoder",
        role="encoder",
        wants=("image",),
        summary="picture vectors (1280) of the packaged EfficientNet-Lite0, its 7 x 7 grid, or its 1000 class probabilities",
        cost="0.4e9 per picture",
        paper="Tan, Le 2019, ICML",
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES, {"assets": "", "default_encoder": "auto"})
