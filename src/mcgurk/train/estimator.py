"""The estimator whose method is an objective: encoders, features, loader and loop around ``_objective``."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from mcgurk.base import Estimator, FitData
from mcgurk.data.column import common_offsets
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.split import holdout
from mcgurk.data.target import Target, TargetSpec, blank
from mcgurk.errors import DataError, IntegrityError
from mcgurk.nn.component import Component, Encoder
from mcgurk.params import learn
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.checkpoint import fingerprint
from mcgurk.train.loader import Loader
from mcgurk.train.loop import Settings, train
from mcgurk.train.objective import Objective
from mcgurk.train.profile import Profile, imagined, of_objective, spread

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.float32}


class NeuralEstimator(Estimator):
    """Base of estimators trained by the loop; subclasses write ``_objective(spec, target)``.

    Constructor arguments it reads, with defaults where a subclass has none: encoders, epochs, batch_size, optim, schedule, warmup, clip,
    patience, balance, dtype.
    """

    encoders: Any = None
    epochs: int = 50
    batch_size: int = 64
    optim: Any = ("adamw", 1e-3)
    schedule: Any = "constant"
    warmup: float = 0.0
    clip: float | None = None
    patience: int | None = None
    balance: Any = None
    dtype: str = "float32"
    valid_share: float = 0.15
    least_for_valid: int = 200
    checkpoint_every: float = 30.0

    @abstractmethod
    def _objective(self, spec: Spec, target: TargetSpec) -> Objective:
        """The objective for prepared columns of this spec; encoders are in ``self.encoders_``."""

    @property
    def _watches(self) -> bool:
        """Whether training looks at held-out rows."""
        return self.patience is not None

    def _wants(self) -> str:
        """ "vector", or "sequence" for a method that reads steps where a column has them."""
        return "vector"

    def _settings(self) -> Settings:
        """How the loop trains; overridden by methods with a recipe of their own."""
        return Settings(self.epochs, self.optim, self.schedule, self.warmup, self.clip, self.patience, self.balance, self.checkpoint_every)

    def _fit(self, data: FitData, run: Run) -> None:
        numbers = np.arange(len(data.X))
        if data.labels is not None and data.labels.offsets is None and not data.labels.labelled.all():
            numbers = np.flatnonzero(data.labels.labelled)
            data = data.take(numbers)
        if data.valid is None and self._watches and len(data.X) >= self.least_for_valid:
            data = data.with_valid(self._hold_out(data, run))
        self.encoders_ = features.resolve(data.spec, self.encoders, keep=features.keeping(self._wants(), data.target.per))
        features.fit(self.encoders_, data.X, data.train_rows)
        prepared = features.prepare(self.encoders_, data.X, run)
        self.prepared_spec_ = features.specs(prepared)
        if data.labels is not None:
            self.target_ = data.target
            if data.target.per == "step":
                _step_target(prepared, data.target)
        self.objective_ = self._built(run)
        self._start(self.objective_, prepared, data)
        self._learn(prepared, data, numbers, run)

    def _learn(self, prepared: Mapping[str, Any], data: FitData, numbers: np.ndarray, run: Run) -> None:
        """Train the objective from where it stands; ``numbers`` are the rows' names in messages."""
        train_part = {name: column.take(data.train_rows) for name, column in prepared.items()}
        loader = self._loader(train_part, data, data.train_rows, run, numbers=numbers[data.train_rows])
        valid = None
        if len(data.valid_rows) and self._watches:
            held = {name: column.take(data.valid_rows) for name, column in prepared.items()}
            valid = self._loader(held, data, data.valid_rows, run, batch_size=max(256, self.batch_size))
        self.history_ = train(
            self.objective_,
            loader,
            run,
            self._settings(),
            valid=valid,
            columns=tuple(self.prepared_spec_),
            fingerprint=self._fingerprint(prepared, data, run) if run.checkpoint else "",
            callbacks=self._callbacks(),
        )

    def _fingerprint(self, prepared: Mapping[str, Any], data: FitData, run: Run) -> str:
        """Names configuration and data, so that a checkpoint of another run is refused; where the checkpoints lie does not matter."""
        choices = {name: repr(value) for name, value in self.get_params(deep=False).items() if name != "checkpoint"}
        arrays = [data.weight, data.valid, *(() if data.labels is None else data.labels.arrays())]
        facts = [None if a is None else hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in arrays]
        return fingerprint(type(self).__qualname__, choices, run.seed, {name: features.content(c) for name, c in prepared.items()}, facts)

    def _callbacks(self) -> tuple[Any, ...]:
        return ()

    def _hold_out(self, data: FitData, run: Run) -> np.ndarray:
        labels = None if data.labels is None else data.labels.row_labels()
        held = np.zeros(len(data.X), dtype=bool)
        held[
            holdout(data.X, labels, share=self.valid_share, groups=data.groups, pairs=data.pairs, seed=run.derive("split"), twins=False)[1]
        ] = True
        return held

    def _built(self, run: Run) -> Objective:
        objective = self._objective(self.prepared_spec_, getattr(self, "target_", TargetSpec(None)))
        return objective.to(device=run.device, dtype=DTYPES[run.dtype])

    def _start(self, objective: Objective, prepared: Mapping[str, Any], data: FitData) -> None:
        """Statistics of the training rows for every Standardise of the objective."""
        features.standardise(objective, self.encoders_, prepared, data.train_rows)

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
        return Loader(
            prepared,
            None if data.y is None else data.y.take(rows),
            None if data.weight is None else data.weight[rows],
            numbers=numbers,
            batch_size=batch_size or self.batch_size,
            seed=run.seed,
            device=run.device,
            dtype=DTYPES[run.dtype],
        )

    def _forward(self, X: Dataset, function: Any) -> np.ndarray:
        """``function(objective, batch)`` over all rows in evaluation mode, without gradients, stacked."""
        loader = self._rows_of(features.prepare(self.encoders_, X))
        run = Run.of(0, None, self.dtype)
        objective = self.objective_.eval().to(run.device)
        work = 2.0 * sum(p.numel() for p in objective.parameters()) * loader.batch_size * loader.places
        with torch.inference_mode(), run.threaded(work):
            parts = [function(objective, batch).cpu().double().numpy() for batch in loader.epoch(None)]
        return np.concatenate(parts)

    def _rows_of(self, prepared: Mapping[str, Any]) -> Loader:
        """Prepared rows to answer for."""
        run = Run.of(0, None, self.dtype)
        target = None
        if getattr(self, "target_", None) is not None and self.target_.per == "step":
            target = _step_target(prepared, self.target_)
        return Loader(prepared, target, batch_size=max(256, self.batch_size), device=run.device, dtype=DTYPES[run.dtype])

    def get_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What ``save`` writes besides the constructor's arguments: fitted facts and tensors."""
        facts = {
            "spec": self.spec_,
            "prepared": self.prepared_spec_,
            "target": getattr(self, "target_", None),
            "encoders": self.encoders_,
            "parts": {
                path: m.learned()
                for path, m in self.objective_.named_modules()
                if isinstance(m, Component) and m.learned() and not isinstance(m, Encoder)
            },
            # without the seconds it took: equal models are equal files
            "history": {"terms": self.history_.terms, "valid": self.history_.valid, "best_epoch": self.history_.best_epoch},
        }
        return facts, {k: v.detach().cpu().contiguous().numpy() for k, v in self.objective_.state_dict().items()}

    def set_state(self, facts: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        """The inverse of :meth:`get_state`: the same objective is built again and its tensors filled in."""
        from mcgurk.train.loop import History

        self.spec_, self.prepared_spec_, self.encoders_ = facts["spec"], facts["prepared"], facts["encoders"]
        if facts["target"] is not None:
            self.target_ = facts["target"]
        self._check_sizes(tensors)
        run = Run.of(0, None, self.dtype)
        with run.guard():
            self.objective_ = self._built(run)
        modules = dict(self.objective_.named_modules())
        for path, state in facts["parts"].items():
            learn(modules[path], state)
        self.objective_.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in tensors.items()})
        self.objective_.eval()
        self.history_ = History(**facts["history"])

    def _check_sizes(self, tensors: Mapping[str, np.ndarray]) -> None:
        """The sizes that settings ask for are those of the file's arrays; compared before memory is taken: a file may ask for all of it."""
        with torch.device("meta"):
            asked = self._objective(self.prepared_spec_, getattr(self, "target_", TargetSpec(None))).state_dict()
        wrong = [k for k in {*asked, *tensors} if k not in asked or k not in tensors or tuple(asked[k].shape) != tensors[k].shape]
        if wrong:
            raise IntegrityError(f"the model's settings and its arrays disagree on {min(wrong)!r}; it was not written by mcgurk")

    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.objective_.parameters())

    def profile(self, X: Any = None) -> Profile:
        """Learned numbers and multiply-accumulates a row of what was fitted, part by part.

        Args:
            X: rows to count, up to 32 of them; None for one row that has every column, where no column keeps its steps.

        Raises:
            DataError: X is None and the cost depends on the lengths of sequences.
        """
        prepared: Mapping[str, Any]
        if X is None:
            prepared = imagined(self.prepared_spec_)
        else:
            dataset = self._read(X)
            prepared = features.prepare(self.encoders_, dataset[spread(len(dataset))])
        loader = self._rows_of(prepared)
        return of_objective(self.objective_.to(loader.device), (loader.batch(np.array([row])) for row in range(len(loader))))


def _step_target(prepared: Mapping[str, Any], spec: TargetSpec) -> Target:
    """An unlabelled target of the prepared sequences' lengths."""
    offsets = common_offsets(prepared.values())
    if offsets is None:
        raise DataError(
            "there is a label a step, but no column keeps its steps; give a sequence column and an encoder that keeps them, such as "
            "encoders={name: 'precomputed'}"
        )
    return blank(spec, int(offsets[-1]), offsets)
