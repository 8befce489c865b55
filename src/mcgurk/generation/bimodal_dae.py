"""The bimodal deep denoising autoencoder, which fills in a modality that is missing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mcgurk.base import FitData
from mcgurk.data.column import Column, Dense
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, McgurkWarning, listing
from mcgurk.nn.batch import Batch, Slot
from mcgurk.nn.component import Encoder, NamedModules
from mcgurk.roles import Generator
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.encoded import Encoded
from mcgurk.train.estimator import NeuralEstimator
from mcgurk.train.objective import Step

UNITS = {"logistic": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}


class Reconstruction(Encoded):
    """Every row several times: with all inputs, and with each input alone; what is to be rebuilt is always everything observed."""

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        prepared: Spec,
        *,
        code: int | None,
        expand: float,
        units: str,
        inputs: tuple[str, ...],
        presence: bool,
        standardise: bool,
    ) -> None:
        super().__init__(encoders, prepared, scale=standardise)
        names = self.encoders.names()
        sizes = {name: max(2, round(expand * self.width(name))) for name in names}
        width = code or round(1.5 * max(sizes.values()))
        unit = UNITS[units]
        self.inputs = inputs
        self.presence = presence
        self.up = NamedModules({n: nn.Sequential(nn.Linear(self.width(n), sizes[n]), unit()) for n in inputs})
        self.join = nn.Sequential(nn.Linear(sum(sizes[n] for n in inputs) + presence * len(inputs), width), unit())
        self.down = NamedModules({n: nn.Sequential(nn.Linear(width, sizes[n]), unit(), nn.Linear(sizes[n], self.width(n))) for n in names})
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def patterns(self) -> list[tuple[str, ...]]:
        """Which inputs each copy of a row keeps: all, then each alone."""
        return [self.inputs] + [(name,) for name in self.inputs if len(self.inputs) > 1]

    def copies(self, slots: dict[str, Slot]) -> tuple[dict[str, Slot], dict[str, Slot]]:
        """Inputs and targets of all copies, one pattern after another; the targets are the same in each."""
        patterns = self.patterns()
        inputs, targets = {}, {}
        for name, slot in slots.items():
            everywhere = slot.present.repeat(len(patterns))
            targets[name] = Slot(slot.values.repeat(len(patterns), 1), everywhere)
            if name in self.inputs:
                kept = torch.tensor([name in pattern for pattern in patterns], device=everywhere.device).repeat_interleave(
                    len(slot.present)
                )
                inputs[name] = targets[name].without(~kept)
        return inputs, targets

    def code(self, slots: Mapping[str, Slot]) -> Tensor:
        """(B, code) from vector Slots whose absent rows are 0."""
        parts = [self.up[name](slots[name].values) for name in self.inputs]
        if self.presence:
            parts.append(torch.stack([slots[name].present for name in self.inputs], dim=1).to(parts[0].dtype))
        return self.join(torch.cat(parts, dim=1))

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        inputs, targets = self.copies(self.encode(batch))
        code = self.code(inputs)
        something = torch.stack([slot.present for slot in inputs.values()]).any(dim=0)
        terms = {}
        for name, target in targets.items():
            counted = target.present & something
            wrong = torch.where(counted[:, None], self.down[name](code) - target.values, torch.zeros_like(target.values))
            terms[name] = wrong.square().sum() / (counted.sum().clamp(min=1) * target.values.shape[1])
        return terms

    def rebuilt(self, batch: Batch) -> Tensor:
        """(B, sum of widths) all modalities in their own units, by sorted name."""
        code = self.code(self.encode(batch))
        return torch.cat([self._unscaled(name, self.down[name](code)) for name in self.down.names()], dim=1)

    def _unscaled(self, name: str, values: Tensor) -> Tensor:
        if name not in self.scaling:
            return values
        center, inverse = self.scaling[name].mean.flatten(), self.scaling[name].inverse.flatten()
        varies = inverse > 0
        return torch.where(varies, values / torch.where(varies, inverse, torch.ones_like(inverse)), torch.zeros_like(values)) + center

    outputs = rebuilt


class BimodalDenoisingAutoencoder(Generator, NeuralEstimator):
    """One hidden layer a modality, a shared code, and back: trained on each row with all inputs and with each input alone.

    ``h_m = s(W_m x_m)``, ``z = s(W [h_1; ...; h_M; presence])``, ``x'_m = V_m s(U_m z)``; the loss is the mean squared error of every
    observed modality, also of those that a copy of the row was not shown. ``generate`` fills what is absent by the rebuilt value.

    Not for: draws that differ (the result is one value, repeated ``n`` times: variational models draw), or pictures and texts themselves:
    what has an encoder comes back as its features.

    Args:
        code: width of z; default 1.5 times the widest hidden layer.
        expand: hidden units for each number of a modality.
        units: "logistic" as in the paper, "relu" or "tanh".
        inputs: modalities that are encoded; default all. One name alone makes the paper's video-only (or audio-only) autoencoder, which
            rebuilds all modalities from that one.
        presence: tell z which inputs are there. The paper gives zeros only, which works with units that were sparse from the start.
        standardise: centre and scale every number by the training rows.
        encoders: choices by column or kind; they must not train.
        epochs, batch_size, optim, schedule, warmup, clip, patience: of the loop (:mod:`mcgurk.train.loop`).
        random_state, checkpoint, dtype: as everywhere.

    Shapes: M modalities with features (n, d_m) -> the same; ``code``: (n, code).

    Raises:
        DataError: ``units`` unknown, ``inputs`` names no modality, an encoder that trains, or generation from nothing.

    Source: Ngiam, Khosla, Kim, Nam, Lee, Ng 2011, Multimodal deep learning, ICML, section 3.3. Weights start at random (Xavier) instead of
        from restricted Boltzmann machines; presence flags are ours.

    Example:
        >>> import numpy as np
        >>> from mcgurk.generation import BimodalDenoisingAutoencoder
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(300, 2))
        >>> X = {"lips": z @ rng.normal(size=(2, 6)), "sound": z @ rng.normal(size=(2, 5))}
        >>> model = BimodalDenoisingAutoencoder(epochs=60, optim=("adam", 1e-2)).fit(X)
        >>> made = model.generate({"lips": X["lips"]}, "sound")["sound"].values
        >>> bool(((made - X["sound"]) ** 2).mean() < 0.2 * X["sound"].var())
        True
    """

    def __init__(
        self,
        code: int | None = None,
        *,
        expand: float = 1.5,
        units: str = "logistic",
        inputs: Any = None,
        presence: bool = True,
        standardise: bool = True,
        encoders: Any = None,
        epochs: int = 100,
        batch_size: int = 100,
        optim: Any = ("adam", 1e-3),
        schedule: Any = "constant",
        warmup: float = 0.0,
        clip: float | None = None,
        patience: int | None = None,
        random_state: Any = 0,
        checkpoint: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.code = code
        self.expand = expand
        self.units = units
        self.inputs = inputs
        self.presence = presence
        self.standardise = standardise
        self.encoders = encoders
        self.epochs = epochs
        self.batch_size = batch_size
        self.optim = optim
        self.schedule = schedule
        self.warmup = warmup
        self.clip = clip
        self.patience = patience
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.dtype = dtype

    def _fit(self, data: FitData, run: Run) -> None:
        self._check(data.X.names)
        super()._fit(data, run)

    def _check(self, names: tuple[str, ...]) -> None:
        if self.units not in UNITS:
            raise DataError(f"units={self.units!r} is unknown; expected one of {', '.join(UNITS)}")
        unknown = [name for name in self._inputs(names) if name not in names]
        if unknown or not self._inputs(names):
            raise DataError(f"inputs={self.inputs!r}; expected some of {listing(names)}")

    def _inputs(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names) if self.inputs is None else (self.inputs,) if isinstance(self.inputs, str) else tuple(sorted(self.inputs))

    def _objective(self, spec: Spec, target: TargetSpec) -> Reconstruction:
        trains = [name for name, encoder in self.encoders_.items() if encoder.trains]
        if trains:
            raise DataError(f"the encoder of {trains[0]!r} trains, so that there is nothing fixed to rebuild; choose a frozen one")
        return Reconstruction(
            self.encoders_,
            spec,
            code=self.code,
            expand=self.expand,
            units=self.units,
            inputs=self._inputs(tuple(spec)),
            presence=self.presence,
            standardise=self.standardise,
        )

    def encode(self, X: Any) -> np.ndarray:
        """(n, code) shared representation z of rows, from whatever modalities they have."""
        return self._forward(self._read(X, partial=True), lambda objective, batch: objective.code(objective.encode(batch)))

    def _sample(self, given: Dataset | None, to: tuple[str, ...], n: int, run: Run) -> Dataset:
        if given is None:
            raise DataError("an autoencoder rebuilds rows, it cannot make them from nothing; give rows with some modality")
        names = tuple(self.prepared_spec_)
        usable = np.any([given[name].present for name in self._inputs(names)], axis=0)
        if not usable.all():
            warnings.warn(
                McgurkWarning(
                    f"{int((~usable).sum())} of {len(given)} rows have no modality to make others from; what they lack stays absent",
                    code="M04",
                ),
                stacklevel=4,
            )
        widths = [int(np.prod(self.prepared_spec_[name].item, dtype=int)) for name in names]
        rebuilt = dict(
            zip(
                names,
                np.split(self._forward(given, lambda objective, batch: objective.rebuilt(batch)), np.cumsum(widths)[:-1], axis=1),
                strict=True,
            )
        )
        observed, _ = features.arrays(features.prepare(self.encoders_, given))
        columns: dict[str, Column] = {name: column for name, column in given.items() if name not in to}
        for name in to:
            here = given[name].present
            values = np.where(here[:, None], observed[name], np.where(usable[:, None], rebuilt[name], 0.0))
            columns[name] = Dense(values.reshape(len(values), *self.prepared_spec_[name].item), here | usable, "vector")
        return Dataset._made(dict(sorted(columns.items())), given.ids, given.rows)[np.repeat(np.arange(len(given)), n)]
