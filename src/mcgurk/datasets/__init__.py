"""Data that travels with mcgurk, data with a planted answer, and readers of well-known sets kept in a folder of one's own."""

from mcgurk._lazy import attach

_EXPORTS = {
    "catalogue": "",
    "embedded": "",
    "export": "",
    "load_emoji": "emoji",
    "load_speech": "speech",
    "load_digits_halves": "digits",
    "make_redundancy": "redundancy",
    "make_uniqueness": "uniqueness",
    "make_synergy": "synergy",
    "make_noise": "noise",
    "make_group_leak": "group_leak",
    "make_absence": "absence",
    "make_bilinear": "bilinear",
    "make_reliability": "reliability",
    "make_lag": "lag",
    "make_marked_lag": "marked_lag",
    "load_houses": "houses",
    "load_political_ads": "political_ads",
    "load_cmu_mosi": "cmu_mosi",
    "load_grid": "grid",
}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
