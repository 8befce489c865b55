"""Generation: modalities made from others."""

from mcgurk.registry import Entry, exports

ENTRIES: dict[str, Entry] = {
    "bimodal_dae": Entry(
        "bimodal_dae:BimodalDenoisingAutoencoder",
        "generator",
        "an autoencoder trained to rebuild every modality from all of them and from each alone",
        None,
        (),
        "h sum d_m",
        "Ngiam, Khosla, Kim, Nam, Lee, Ng 2011, ICML",
        small={"code": 6, "epochs": 3},
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES)
