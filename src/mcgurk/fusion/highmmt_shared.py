"""HighMMT with the sharing that the data ask for: measured on training rows, then shared, then split into groups and tuned."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from mcgurk import registry
from mcgurk.base import Estimator, FitData, adopt
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.functional.heterogeneity import heterogeneity, natural_groups, sharing_groups
from mcgurk.fusion.recipe import Recipe
from mcgurk.roles import Predictor
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.profile import Profile
from mcgurk.train.transfer import Budget, Transfer


class SharedHighMMT(Recipe):
    """Three stages: (1) on inner folds of the training rows, what every modality loses in a network another one trained, and every pair in
    the cross-modal block of another pair; (2) one encoder for all modalities and one block for all pairs are trained on the task;
    (3) every group of modalities and every group of pairs gets a copy of its own, tied inside, and all goes on at a low rate.

    Groups are those of average linkage, as many as asked for or as the largest silhouette says; modalities that lose nothing in one
    another's networks keep one encoder, and the model stays as small as the data allow.

    Not for: two modalities of one kind (``highmmt`` shares everything anyway), or few rows: stage 1 trains some forty small networks.

    Args:
        encoders: number of encoders, None for as many as the silhouette says.
        blocks: number of cross-modal blocks, likewise.
        latents, width, heads, bands, tag, dropout: of :class:`~mcgurk.fusion.highmmt.HighMMT`.
        folds, epochs, refit, optim: of the measurement (:class:`mcgurk.train.transfer.Budget`).
        tune: epochs of stage 3; stage 2 has the estimator's.
        rate: learning rate of stage 3.

    Shapes: M Slots (B, T_m, d_m) -> scores (B, k).

    Raises:
        DataError: fewer than two modalities, a label a step, or too few complete rows to measure on (S01).

    Source: Liang, Lyu, Fan, Tsaw, Liu, Mo, Yogatama, Morency, Salakhutdinov 2023, High-modality multimodal transformer, TMLR, sections 3.1
        to 3.3: rate 1e-4, 40 epochs in the released code. The silhouette is ours; both orders of a pair share a block.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> rng = np.random.default_rng(0)
        >>> a = rng.normal(size=(120, 2)).astype(np.float32)
        >>> recipe = ("highmmt_shared", {"latents": 2, "width": 8, "heads": 2, "bands": 1, "tag": 2, "folds": 2, "epochs": 2, "refit": 2})
        >>> model = FusionClassifier(recipe, epochs=2).fit({"a": a, "copy": a}, a[:, 0] > 0)
        >>> model.model_.groups_
        {'a': 0, 'copy': 0}
    """

    def __init__(
        self,
        encoders: int | None = None,
        blocks: int | None = None,
        *,
        latents: int = 20,
        width: int = 64,
        heads: int = 4,
        bands: int = 6,
        tag: int = 10,
        dropout: float = 0.0,
        folds: int = 2,
        epochs: int = 15,
        refit: int = 10,
        optim: Any = ("adamw", 3e-3),
        tune: int = 20,
        rate: float = 1e-4,
    ) -> None:
        self.encoders = encoders
        self.blocks = blocks
        self.latents = latents
        self.width = width
        self.heads = heads
        self.bands = bands
        self.tag = tag
        self.dropout = dropout
        self.folds = folds
        self.epochs = epochs
        self.refit = refit
        self.optim = optim
        self.tune = tune
        self.rate = rate

    def layer(self, **groups: Any) -> tuple[str, dict[str, Any]]:
        """The fusion layer by name and parameters."""
        names = ("latents", "width", "heads", "bands", "tag", "dropout")
        return "highmmt", {name: getattr(self, name) for name in names} | groups

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        if len(spec) < 2 or target.per == "step":
            raise DataError(
                f"sharing is measured between modalities with a label a row, but {len(spec)} were given with a label per {target.per}; "
                "give at least two columns, or use 'highmmt'"
            )
        return SharedModel(self, clone(estimator).set_params(fusion=self.layer(), checkpoint=None))


class SharedModel(Predictor, Estimator):
    """What :class:`SharedHighMMT` fits.

    Args:
        recipe: the three stages.
        template: the estimator whose settings train them.

    Attributes:
        information_: (m, m) nats about the target, rows sources, columns targets, modalities by name; held out.
        pair_information_: the same of pairs, in the order of ``itertools.combinations``; None where there is one pair.
        groups_: modality -> number of its encoder.
        pair_groups_: (modality, modality) -> number of its block.
        model_: the tuned estimator.

    Example:
        >>> from mcgurk import FusionClassifier
        >>> SharedModel(SharedHighMMT(), FusionClassifier()).recipe.rate
        0.0001
    """

    def __init__(self, recipe: SharedHighMMT, template: Any) -> None:
        self.recipe = recipe
        self.template = template

    def _fit(self, data: FitData, run: Run) -> None:
        assert data.y is not None
        data = data.take(np.flatnonzero(data.y.labelled))
        self._measure(data.training(), run)
        model = clone(self.template)
        if data.valid is None and model._watches and len(data.X) >= model.least_for_valid:
            data = data.with_valid(model._hold_out(data, run))
        self.model_ = adopt(model, data, run.inner("shared"))
        settings = self.recipe.layer(groups=self.groups_, pair_groups=self.pair_groups_)
        model.objective_.fusion.split(self.groups_, self.pair_groups_)
        model.set_params(fusion=settings, optim=("adamw", self.recipe.rate), epochs=self.recipe.tune)
        model._learn(features.prepare(model.encoders_, data.X, run), data, np.arange(len(data.X)), run.inner("tune"))

    def _measure(self, data: FitData, run: Run) -> None:
        assert data.y is not None
        recipe = self.recipe
        encoders = features.resolve(data.spec, self.template.encoders)
        features.fit(encoders, data.X, np.arange(len(data.X)))
        unit = np.arange(len(data.X)) if data.groups is None else data.groups
        budget = Budget(recipe.folds, recipe.epochs, recipe.refit, recipe.optim, self.template.batch_size)
        layer = registry.make("fusion", recipe.layer())
        transfer = Transfer(layer, encoders, features.prepare(encoders, data.X, run), data.y, unit, run.inner("measure"), budget)
        singles = transfer.singles()
        self.information_ = singles.matrix()
        self.groups_ = dict(zip([name for (name,) in singles.units], _grouped(self.information_, recipe.encoders), strict=True))
        self.pair_information_: np.ndarray | None = None
        names = tuple(self.groups_)
        units, numbers = [names], [0]
        if len(names) > 2:
            pairs = transfer.pairs()
            self.pair_information_ = pairs.matrix()
            units, numbers = list(pairs.units), _grouped(self.pair_information_, recipe.blocks)
        self.pair_groups_ = {pair: number for (i, j), number in zip(units, numbers, strict=True) for pair in ((i, j), (j, i))}

    def _scores(self, X: Dataset) -> np.ndarray:
        return self.model_._scores(X)  # type: ignore[attr-defined]

    def parameters(self) -> int:
        """Number of learned numbers."""
        return self.model_.parameters()  # type: ignore[attr-defined]

    def profile(self, X: Any = None) -> Profile:
        """Learned numbers and multiply-accumulates a row, part by part."""
        return self.model_.profile(X)  # type: ignore[attr-defined]


def _grouped(information: np.ndarray, wanted: int | None) -> list[int]:
    distance = heterogeneity(information)
    return (natural_groups(distance) if wanted is None else sharing_groups(distance, wanted)).tolist()
