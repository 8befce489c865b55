"""What knowing nothing gives: the floor of every comparison."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.base import Estimator, FitData
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion.recipe import Recipe
from mcgurk.roles import Predictor, prior_scores
from mcgurk.run import Run
from mcgurk.train.profile import Part, Profile


class Average(Recipe):
    """The training rows' class shares, label shares or mean for every row.

    Shapes: n rows -> scores (n, k), all alike.

    Example:
        >>> from mcgurk import FusionClassifier
        >>> FusionClassifier(fusion="average").fit([[1.0], [2.0], [3.0]], ["u", "u", "v"]).predict([[9.0]]).tolist()
        ['u']
    """

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        return AverageModel()


class AverageModel(Predictor, Estimator):
    """A fitted :class:`Average`: the training rows' class shares, label shares or mean, for every row alike.

    Raises:
        DataError: no labels; or labels were per step and X has no sequence column to count steps by.

    Example:
        >>> from mcgurk import FusionRegressor
        >>> model = FusionRegressor(fusion="average").fit([[1.0], [2.0]], [3.0, 5.0])
        >>> type(model.model_).__name__, model.predict([[9.0]]).tolist()
        ('AverageModel', [4.0])
    """

    def _fit(self, data: FitData, run: Run) -> None:
        if data.target.task is None:
            raise DataError("an average needs labels; give y")

    def _scores(self, X: Dataset) -> np.ndarray:
        n = len(X)
        if self.target_.per == "step":
            from mcgurk.data.column import Lazy, Ragged

            column = next((c for _, c in X.items() if isinstance(c, Ragged) or (isinstance(c, Lazy) and c.multiple)), None)
            if column is None:
                raise DataError("the model predicts a label a step, but X has no sequence column; give one")
            n = int(column.offsets[-1]) if isinstance(column, Ragged) else sum(len(c) for c in column.items if c is not None)
        return np.tile(prior_scores(self.target_), (n, 1))

    def parameters(self) -> int:
        """Numbers learned: the prior or the mean."""
        return self.target_.columns

    def profile(self, X: Any = None) -> Profile:
        """The prior costs nothing."""
        return Profile((Part("average", self.parameters(), self.parameters(), 0.0),))
