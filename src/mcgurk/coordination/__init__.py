"""Coordination: one space in which items of different modalities can be compared, each embedded from its own modality alone."""

from mcgurk.registry import Entry, exports

ENTRIES: dict[str, Entry] = {
    "rcca": Entry(
        "rcca:RegularisedCCA",
        "embedder",
        "linear projections of two modalities with maximal correlation, in closed form",
        None,
        (),
        "n d^2 + d^3 once",
        "Hotelling 1936, Biometrika; Vinod 1976, Journal of Econometrics",
        small={"k": 2},
    ),
    "infonce": Entry(
        "infonce:InfoNCE",
        "embedder",
        "towers trained to tell each row's own counterpart from the others of its batch",
        None,
        (),
        "B^2 k",
        "van den Oord, Li, Vinyals 2018, arXiv 1807.03748; Radford et al. 2021, ICML",
        small={"dim": 4, "epochs": 3},
    ),
    "fusemix": Entry(
        "fusemix:FuseMix",
        "embedder",
        "adapters over frozen encoders, trained on mixtures of latents; for few pairs",
        None,
        (),
        "sum d_m^2 depth + B^2 k",
        "Vouitsis, Liu, Gorti, Villecroze, Cresswell, Yu, Loaiza-Ganem, Volkovs 2024, CVPR",
        small={"dim": 4, "depth": 1, "epochs": 3},
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES)
