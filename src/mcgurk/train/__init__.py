"""The one training loop and what it is made of."""

from mcgurk._lazy import attach

_EXPORTS = {
    "Branches": "branches",
    "Callback": "callbacks",
    "watching": "callbacks",
    "Profile": "profile",
    "Objective": "objective",
    "Phase": "objective",
    "Step": "objective",
    "Supervised": "supervised",
    "Loader": "loader",
    "NeuralEstimator": "estimator",
    "StopAndGo": "stop_and_go",
    "train": "loop",
}

__getattr__, __dir__, __all__ = attach(__name__, _EXPORTS)
