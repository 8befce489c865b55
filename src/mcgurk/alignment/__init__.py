"""Alignment: which step of one sequence goes with which of another."""

from mcgurk.registry import Entry, exports

ENTRIES: dict[str, Entry] = {
    "dtw": Entry(
        "dtw:DTW",
        "aligner",
        "the cheapest monotone path between two sequences of the same features",
        None,
        (),
        "n m d",
        "Sakoe, Chiba 1978, IEEE Transactions on Acoustics, Speech, and Signal Processing",
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES)
