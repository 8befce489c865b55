"""scikit-learn's own suite, on one 2-D array: closed form, network and competition; and every other predictor of the registry."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mcgurk import FusionClassifier, FusionRegressor, registry

NETWORK = {"fusion": "concat", "epochs": 8, "hidden": (8,), "optim": ("adam", 3e-2), "batch_size": 32}
AUTO = ("auto", {"folds": 2, "units": ("linear",)})
WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
#: fusion -> why a row of weight two cannot equal the row given twice
REASONS = {
    "concat": "mini-batches: a row given twice takes a second place in the order of the rows, a weighted one does not",
    "early": "the penalty is chosen on inner folds, and a row given twice changes their sizes; a weighted one does not",
    "auto": "contestants and penalties are chosen on inner folds, and a row given twice changes their sizes; a weighted one does not",
}
ESTIMATORS = [
    family(**settings) for settings in ({"fusion": "early"}, NETWORK, {"fusion": AUTO}) for family in (FusionClassifier, FusionRegressor)
]
#: what a predictor of its own is made with here, beside its Entry's ``small``
SETTINGS = {"interaction_classifier": {"ridge": 1.0}}  # some of the suite's classes are separated perfectly: no finite maximum without
for room in registry.ROOMS:
    for name, entry in registry.entries(room).items():
        found = registry.find(room, name) if entry.role in ("classifier", "regressor") else FusionClassifier
        if found not in (FusionClassifier, FusionRegressor):
            ESTIMATORS.append(found(**{**entry.small, **SETTINGS.get(name, {})}))


def expected(estimator: Any) -> dict[str, str]:
    """The one check that some cannot pass, with its reason."""
    fusion = getattr(estimator, "fusion", None)
    name = fusion[0] if isinstance(fusion, tuple) else fusion
    return {WEIGHTS: REASONS[name]} if name in REASONS else {}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected)
def test_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)
