"""MultiTask: several targets learned by one trunk, one task a step."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from mcgurk import registry
from mcgurk.base import FitData
from mcgurk.data.spec import Spec
from mcgurk.data.split import units
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion.task_objective import TaskObjective
from mcgurk.nn.component import Fusion
from mcgurk.roles import TaskPredictor
from mcgurk.run import Run
from mcgurk.train.estimator import DTYPES, NeuralEstimator
from mcgurk.train.loader import Loader
from mcgurk.train.tasks import TaskLoader

STOPPING = ("stop_and_go", None)


class MultiTask(TaskPredictor, NeuralEstimator):
    """Several targets by one network: encoders, a fusion layer and hidden layers that all tasks share, and a head for each.

    Every step trains one task t on a batch of its own labelled rows, by ``w_t L_t``; heads of the others stay as they are, bit for bit, and
    so do their optimisers' moments. Tasks may label the same rows or others, of other columns: stack such sets with
    :func:`mcgurk.data.join_tasks`. An epoch has as many steps as one pass over every task's rows. What was held out (15 % from 200 rows
    on, as alike as can be in every task's labels) decides by the mean of ``w_t L_t`` over its labels which epoch is kept.

    Not for: tasks that have nothing in common, which compete for the trunk: compare with a network of its own for each.

    Args:
        fusion: the shared layer: a name of the fusion room, ``(name, {params})`` or an object.
        encoders: None for the defaults, or a dict from column or kind to an encoder's name, ``(name, {params})`` or object.
        shared: widths of the shared hidden layers after the fusion layer; () for none, where that layer has enough to learn ("concat" has
            nothing).
        hidden: widths of each head's own hidden layers, or a dict from task to widths; () is a linear head.
        dropout: in shared and own hidden layers.
        modality_dropout: probability that a modality is made absent in training.
        token: width of a learned vector of the task, which the fusion layer sees as one more modality, so that the trunk knows what it is
            asked; 0 for none. Given to heads that belong to one task anyway, it would be a bias and nothing else.
        weights: task -> w_t; default 1.
        rates: task -> factor on all learning rates in its steps; default 1.
        sampling: "round_robin": one batch of every task a round, small tasks gone through several times an epoch; "proportional": every
            task as often as it has batches, in random order.
        stopping: "stop_and_go" lets a task rest that no longer gains on held-out rows (accuracy; 1 / (2 - R²) for numbers, which is
            R² made positive), with one step in four, until it loses again (:class:`mcgurk.train.StopAndGo`); None for no such rule.
        epochs, batch_size, optim, schedule, warmup, clip: of the loop (:mod:`mcgurk.train.loop`); parameters of a head are
            ``heads.<task>.*``.
        patience: epochs without a better mean on held-out rows; None trains all epochs.
        class_weight: None, "balanced", or a dict from task to either or to a dict from class to weight.
        task: dict from task to "classes", "multilabel", "number" or "count", where its values do not tell.
        target_transform: None, "log", or "auto": learn the logarithm of positive, strongly skewed numbers.
        random_state: seed; the same seed, threads and versions give the same bits.
        checkpoint: folder to resume from.
        dtype: "float32", "float64" or "bfloat16" (mixed precision).

    Shapes: M columns of n rows -> {task: labels (n,), probabilities (n, classes), or numbers (n,) or (n, k)}, for all rows.

    Raises:
        DataError: y is not {task: array}; a task with one class, or with no labelled row (S01, naming it); ``fusion`` is a recipe.
        UnknownName: a setting names a task that is not there.

    Source: Lu, Goswami, Rohrbach, Parikh, Lee 2020, 12-in-1: multi-task vision and language representation learning, CVPR, section 4:
        one task a step in turn, stop-and-go, task token.

    Example:
        >>> import numpy as np
        >>> from mcgurk import MultiTask
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(90, 3)), "b": rng.normal(size=(90, 2))}
        >>> total = X["a"][:, 0] + X["b"][:, 0]
        >>> tone = np.where(np.arange(90) < 60, np.where(total > 0, "good", "bad"), None)  # the last rows have no tone
        >>> model = MultiTask(epochs=20).fit(X, {"tone": tone, "price": 2 * total})
        >>> {name: values.shape for name, values in model.predict(X).items()}, model.score(X, {"tone": tone})["tone"] > 0.8
        ({'price': (90,), 'tone': (90,)}, True)
    """

    def __init__(
        self,
        fusion: Any = "concat",
        *,
        encoders: Any = None,
        shared: tuple[int, ...] = (64,),
        hidden: Any = (),
        dropout: float = 0.1,
        modality_dropout: float = 0.0,
        token: int = 0,
        weights: Mapping[str, float] | None = None,
        rates: Mapping[str, float] | None = None,
        sampling: str = "round_robin",
        stopping: str | None = "stop_and_go",
        epochs: int = 60,
        batch_size: int = 64,
        optim: Any = ("adamw", 1e-3),
        schedule: Any = "constant",
        warmup: float = 0.0,
        clip: float | None = None,
        patience: int | None = 12,
        class_weight: Any = None,
        task: Mapping[str, str] | None = None,
        target_transform: str | None = "auto",
        random_state: Any = 0,
        checkpoint: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.fusion = fusion
        self.encoders = encoders
        self.shared = shared
        self.hidden = hidden
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.token = token
        self.weights = weights
        self.rates = rates
        self.sampling = sampling
        self.stopping = stopping
        self.epochs = epochs
        self.batch_size = batch_size
        self.optim = optim
        self.schedule = schedule
        self.warmup = warmup
        self.clip = clip
        self.patience = patience
        self.class_weight = class_weight
        self.task = task
        self.target_transform = target_transform
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.dtype = dtype

    def _wants(self) -> str:
        return getattr(registry.make("fusion", self.fusion), "wants", "vector")

    @property
    def _watches(self) -> bool:
        return self.patience is not None or self.stopping is not None

    def _hold_out(self, data: FitData, run: Run) -> np.ndarray:
        """What is held out leaves training rows of every class of every task, and of every number."""
        held = super()._hold_out(data, run)
        unit = data.groups if data.groups is not None else units(data.X, twins=False)
        assert data.tasks is not None
        for part in data.tasks.parts.values():
            labels = part.values if part.spec.task == "classes" else np.where(part.labelled, 0, -1)
            for label in range(labels.max() + 1):
                rows = labels == label
                if rows.any() and held[rows].all():
                    held[np.isin(unit, unit[rows])] = False
        return held

    def _loader(
        self,
        prepared: Mapping[str, Any],
        data: FitData,
        rows: np.ndarray,
        run: Run,
        *,
        batch_size: int | None = None,
        numbers: np.ndarray | None = None,
    ) -> Loader:
        assert data.tasks is not None
        return TaskLoader(
            prepared,
            data.tasks.take(rows),
            None if data.weight is None else data.weight[rows],
            sampling=self.sampling,
            numbers=numbers,
            batch_size=batch_size or self.batch_size,
            seed=run.seed,
            device=run.device,
            dtype=DTYPES[run.dtype],
        )

    def _objective(self, spec: Spec, target: TargetSpec) -> TaskObjective:
        fusion = copy.deepcopy(registry.make("fusion", self.fusion))
        if not isinstance(fusion, Fusion):
            raise DataError(
                f"fusion={self.fusion!r} is a {type(fusion).__name__}; tasks share a fusion layer, such as 'concat', 'lowrank' or 'vilbert'"
            )
        if self.stopping not in STOPPING:
            raise DataError(f"stopping={self.stopping!r} is not known; give 'stop_and_go' or None")
        return TaskObjective(self, spec, fusion, target)

    def _scores(self, X: Any) -> np.ndarray:
        return self._forward(X, lambda objective, batch: objective.outputs(batch))
