"""FusionClassifier and FusionRegressor: every fusion method behind one contract."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from mcgurk import registry
from mcgurk.base import Estimator, FitData, adopt
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion.recipe import Recipe
from mcgurk.nn.component import Fusion
from mcgurk.nn.mlp import MLPHead
from mcgurk.roles import Classifier, Predictor, Regressor
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.estimator import NeuralEstimator
from mcgurk.train.profile import Profile
from mcgurk.train.readout import class_weights
from mcgurk.train.supervised import Supervised


class _FusionEstimator(Predictor, NeuralEstimator):
    """What both share: resolve ``fusion`` once, as a layer inside a network or as a recipe that makes an estimator of its own."""

    fusion: Any
    hidden: tuple[int, ...]
    dropout: float
    modality_dropout: float
    context: int | tuple[int, int]
    class_weight: Any

    def _fit(self, data: FitData, run: Run) -> None:
        features.check_names(data.spec, self.encoders)
        self.model_: Estimator | None = None
        method = self._method()
        if isinstance(method, Recipe) and not method.trains:
            made = method.make(self, data.spec, data.target)
            self.model_ = adopt(made, _class_weighted(data, self.class_weight), run)
            return
        super()._fit(data, run)

    def _method(self) -> Any:
        """A fresh layer or recipe; an object given as ``fusion`` is copied, never changed."""
        method = copy.deepcopy(registry.make("fusion", self.fusion))
        if not isinstance(method, (Recipe, Fusion)):
            raise DataError(
                f"fusion={self.fusion!r} is a {type(method).__name__}, neither a fusion layer nor a recipe; give a name such as 'late' or "
                "'lowrank', a pair (name, {params}), or an object of one of these"
            )
        return method

    def _wants(self) -> str:
        return getattr(self._method(), "wants", "vector")

    def _objective(self, spec: Spec, target: TargetSpec) -> Any:
        method = self._method()
        if isinstance(method, Recipe):
            return method.make(self, spec, target)
        return Supervised(
            self.encoders_,
            spec,
            method,
            MLPHead(tuple(self.hidden), self.dropout),
            target,
            **self.trained_with(target),
        )

    def trained_with(self, target: TargetSpec) -> dict[str, Any]:
        """Settings of the estimator that every objective of a fusion method takes as they are."""
        return {
            "modality_dropout": self.modality_dropout,
            "class_weight": class_weights(self.class_weight, target),
            "context": self.context,
        }

    def _scores(self, X: Dataset) -> np.ndarray:
        if self.model_ is not None:
            return self.model_._scores(X)  # type: ignore[attr-defined]
        return self._forward(X, lambda objective, batch: objective.outputs(batch))

    def get_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        if not hasattr(self, "spec_"):
            return {}, {}
        if self.model_ is not None:
            return {"spec": self.spec_, "target": self.target_, "model": self.model_}, {}
        return super().get_state()

    def set_state(self, facts: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self.model_ = facts.get("model")
        if self.model_ is not None:
            self.spec_, self.target_ = facts["spec"], facts["target"]
            return
        super().set_state(facts, tensors)

    def parameters(self) -> int:
        """Number of learned numbers."""
        return self.model_.parameters() if self.model_ is not None else super().parameters()  # type: ignore[attr-defined]

    def profile(self, X: Any = None) -> Profile:
        """Learned numbers and multiply-accumulates a row, part by part; see :meth:`mcgurk.train.NeuralEstimator.profile`."""
        return self.model_.profile(X) if self.model_ is not None else super().profile(X)  # type: ignore[attr-defined]


class FusionClassifier(Classifier, _FusionEstimator):
    """Labels from several modalities.

    Args:
        fusion: a name of the fusion room, ``(name, {params})``, or an object: a layer ("concat", "tensor", "lowrank", "gated", ...) is
            trained inside a network; a recipe ("auto", "single", "early", "late", "hybrid") makes units and combines them. "auto" lets
            them compete on inner folds and keeps the simplest within one standard error, so that a useless modality does no harm.
        encoders: None for the defaults, or a dict from column or kind to an encoder's name, ``(name, {params})`` or object. The defaults
            keep words, frames and moments as steps for a layer that reads sequences, and give every other method one vector a row.
        hidden: widths of the head's hidden layers (layers only, as all that follow).
        dropout: in the head.
        modality_dropout: probability that a modality is made absent in training.
        context: where y has a label a step, how many steps before and after it a layer that wants sequences sees, at that many times the
            cost; a pair is (before, after), so (3, 0) looks back only. Layers that want vectors, and units, see the step alone.
        epochs, batch_size, optim, schedule, warmup, clip, balance: of the loop (:mod:`mcgurk.train.loop`).
        patience: epochs without a better loss on held-out rows (15 %, whole groups, from 200 rows on); None trains all epochs.
        class_weight: None, "balanced", or a dict from class to weight.
        task: "multilabel" for (n, L) 0/1 targets is found by itself; "classes" and "multilabel" can be forced.
        random_state: seed; the same seed, threads and versions give the same bits.
        checkpoint: folder to resume from.
        dtype: "float32", "float64" or "bfloat16" (mixed precision).

    Shapes: M columns of n rows -> labels (n,), probabilities (n, classes); n counts steps where y has a label a step.

    Raises:
        DataError, SpecMismatch, MissingModality: the data do not fit; see each message.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> rng = np.random.default_rng(0)
        >>> a, b = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))
        >>> X, y = {"a": a, "b": b}, np.where(a[:, 0] + b[:, 0] > 0, "yes", "no")
        >>> model = FusionClassifier(fusion="early").fit(X, y)
        >>> model.score(X, y) > 0.9
        True
    """

    def __init__(
        self,
        fusion: Any = "auto",
        *,
        encoders: Any = None,
        hidden: tuple[int, ...] = (64,),
        dropout: float = 0.1,
        modality_dropout: float = 0.0,
        context: int | tuple[int, int] = 1,
        epochs: int = 60,
        batch_size: int = 64,
        optim: Any = ("adamw", 1e-3),
        schedule: Any = "constant",
        warmup: float = 0.0,
        clip: float | None = None,
        patience: int | None = 12,
        balance: Any = None,
        class_weight: Any = None,
        task: str | None = None,
        random_state: Any = 0,
        checkpoint: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.fusion = fusion
        self.encoders = encoders
        self.hidden = hidden
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.context = context
        self.epochs = epochs
        self.batch_size = batch_size
        self.optim = optim
        self.schedule = schedule
        self.warmup = warmup
        self.clip = clip
        self.patience = patience
        self.balance = balance
        self.class_weight = class_weight
        self.task = task
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.dtype = dtype


class FusionRegressor(Regressor, _FusionEstimator):
    """Numbers, or counts with ``task="count"``, from several modalities.

    Args:
        target_transform: None, "log", or "auto": learn the logarithm of positive, strongly skewed numbers such as prices; predictions come
        back in the target's units (medians). fusion, encoders, hidden and all others: as :class:`FusionClassifier`.

    Shapes: M columns of n rows -> numbers (n,) or (n, k); n counts steps where y has a number a step.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionRegressor
        >>> rng = np.random.default_rng(0)
        >>> a, b = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))
        >>> model = FusionRegressor(fusion="late").fit({"a": a, "b": b}, a[:, 0] + b[:, 0])
        >>> model.score({"a": a, "b": b}, a[:, 0] + b[:, 0]) > 0.9
        True
    """

    class_weight = None

    def __init__(
        self,
        fusion: Any = "auto",
        *,
        encoders: Any = None,
        hidden: tuple[int, ...] = (64,),
        dropout: float = 0.1,
        modality_dropout: float = 0.0,
        context: int | tuple[int, int] = 1,
        epochs: int = 60,
        batch_size: int = 64,
        optim: Any = ("adamw", 1e-3),
        schedule: Any = "constant",
        warmup: float = 0.0,
        clip: float | None = None,
        patience: int | None = 12,
        balance: Any = None,
        task: str | None = None,
        target_transform: str | None = "auto",
        random_state: Any = 0,
        checkpoint: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.fusion = fusion
        self.encoders = encoders
        self.hidden = hidden
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.context = context
        self.epochs = epochs
        self.batch_size = batch_size
        self.optim = optim
        self.schedule = schedule
        self.warmup = warmup
        self.clip = clip
        self.patience = patience
        self.balance = balance
        self.task = task
        self.target_transform = target_transform
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.dtype = dtype


def _class_weighted(data: FitData, choice: Any) -> FitData:
    """Class weights as row weights, for units that know only those."""
    factors = class_weights(choice, data.target)
    if factors is None or data.y is None:
        return data
    y = data.y.values if data.y.offsets is None else data.y.row_labels().astype(int)
    weight = np.where(y >= 0, factors[np.maximum(y, 0)], 0.0) * (1.0 if data.weight is None else data.weight)
    return replace(data, weight=weight)
