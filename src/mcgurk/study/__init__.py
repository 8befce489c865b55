"""Studies: does combining modalities help, by how much, and how sure is that?"""

from mcgurk._lazy import attach

_EXPORTS = {
    "compare": "",
    "Comparison": "comparison",
    "Attention": "maps",
    "Explanation": "explain",
    "Plan": "plan",
    "Settings": "settings",
    "verify": "folder",
}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
