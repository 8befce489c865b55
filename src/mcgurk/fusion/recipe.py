"""Recipes: what ``fusion=`` may be besides a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.params import Params


class Recipe(Params, ABC):
    """Makes an Estimator or an Objective from the estimator's settings, the columns and the target."""

    @abstractmethod
    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Any:
        """An unfitted Estimator (closed forms, graphs, searches) or an Objective for the loop."""
