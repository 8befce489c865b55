"""Fission: more representations than modalities, such as what they share and what each has for itself."""

from mcgurk.registry import Entry, exports

ENTRIES: dict[str, Entry] = {
    "ajive": Entry(
        "ajive:AJIVE",
        "splitter",
        "joint, individual and residual variation of linear blocks, the joint rank tested",
        None,
        (),
        "n d^2 once",
        "Feng, Jiang, Hannig, Marron 2018, Journal of Multivariate Analysis",
        small={"draws": 50},
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES)
