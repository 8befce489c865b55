"""Recipes: what ``fusion=`` may be besides a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.params import Params


class Recipe(Params, ABC):
    """Makes an Estimator or an Objective from the estimator's settings, the columns and the target.

    Class attribute:
        trains: False: ``make`` gives an unfitted Estimator (closed forms, graphs, searches) and ``spec`` holds the raw columns.
            True: it gives an Objective for the loop; ``spec`` holds the prepared columns, ``estimator.encoders_`` their encoders.
    """

    trains: ClassVar[bool] = False

    @abstractmethod
    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Any:
        """An unfitted Estimator, or an Objective where the class says that it trains."""
