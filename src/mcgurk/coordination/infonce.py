"""Contrastive coordination: towers that tell a row's own counterpart from the others of its batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.base import FitData
from mcgurk.coordination._pairs import paired
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, listing
from mcgurk.losses.contrastive import info_nce
from mcgurk.nn.batch import Batch, Slot
from mcgurk.nn.component import Encoder, NamedModules
from mcgurk.nn.mlp import mlp
from mcgurk.roles import Embedder
from mcgurk.run import Run
from mcgurk.train.encoded import Encoded
from mcgurk.train.estimator import NeuralEstimator
from mcgurk.train.objective import Step

LARGEST_SCALE = 100.0


class Contrast(Encoded):
    """Projections to one sphere, and the symmetric loss of every pair of modalities on the rows that have both."""

    def __init__(
        self, encoders: Mapping[str, Encoder], prepared: Spec, dim: int, hidden: tuple[int, ...], temperature: float, chunk: int | None
    ) -> None:
        super().__init__(encoders, prepared)
        names = self.encoders.names()
        self.heads = NamedModules({name: mlp((self.width(name), *hidden, dim), last=True) for name in names})
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.pairs = list(combinations(names, 2))
        self.chunk = chunk

    def embed(self, batch: Batch) -> dict[str, Slot]:
        """Unit vectors (B, dim) by modality."""
        return {name: slot.with_values(F.normalize(self.heads[name](slot.values), dim=1)) for name, slot in self.encode(batch).items()}

    outputs = embed

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        embedded, scale = self.embed(batch), self.log_scale.exp()
        terms = {}
        for a, b in self.pairs:
            both = (embedded[a].present & embedded[b].present).nonzero()[:, 0]
            u, v = embedded[a].values[both], embedded[b].values[both]
            if len(both) < 2:  # nothing to tell apart
                terms[f"{a} ~ {b}"] = 0 * (scale + u.sum() + v.sum())
                continue
            terms[f"{a} ~ {b}"] = info_nce(u, v, scale, chunk=self.chunk) / len(self.pairs)
        return terms

    def after_step(self, phase: str) -> None:
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(LARGEST_SCALE))


class InfoNCE(Embedder, NeuralEstimator):
    """Linear (or deeper) towers to one unit sphere, trained so that ``u_i . v_i`` stands out among ``u_i . v_j`` of the batch.

    ``L = (CE(s u v^T, I) + CE(s v u^T, I)) / 2`` with a learned scale s = exp(t) <= 100; more than two modalities take the mean over pairs.
    A tower needs its own modality only.

    Not for: few pairs (``RegularisedCCA`` has a closed form), or small batches, which offer few others to tell apart.

    Args:
        dim: dimensions of the sphere.
        hidden: widths of hidden layers of the towers; () for a linear projection, as in CLIP.
        temperature: 1 / s at the start; learned from there.
        chunk: rows of logits at a time, for batches whose B^2 logits do not fit in memory.
        encoders: choices by column or kind; None for the defaults. Encoders that train are trained along.
        epochs, batch_size, optim, schedule, warmup, clip, patience: of the loop (:mod:`mcgurk.train.loop`).
        random_state, checkpoint, dtype: as everywhere.

    Shapes: M modalities -> M columns (n, dim) of unit length.

    Raises:
        DataError: fewer than two modalities, or fewer than two training rows with two of them (S01).

    Source: van den Oord, Li, Vinyals 2018, Representation learning with contrastive predictive coding, arXiv 1807.03748; Radford et al.
        2021, Learning transferable visual models from natural language supervision, ICML.

    Example:
        >>> import numpy as np
        >>> from mcgurk.coordination import InfoNCE
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(256, 3))
        >>> X = {"image": z @ rng.normal(size=(3, 8)), "text": z @ rng.normal(size=(3, 6))}
        >>> Z = InfoNCE(dim=8, epochs=60, batch_size=64, optim=("adam", 1e-2)).fit_transform(X)
        >>> cosine = InfoNCE.similarity(Z["image"].values, Z["text"].values)
        >>> bool((cosine.argmax(axis=1) == np.arange(256)).mean() > 0.5)
        True
    """

    pairs_wanted = True

    def __init__(
        self,
        dim: int = 64,
        *,
        hidden: tuple[int, ...] = (),
        temperature: float = 0.07,
        chunk: int | None = None,
        encoders: Any = None,
        epochs: int = 50,
        batch_size: int = 256,
        optim: Any = ("adamw", 1e-3),
        schedule: Any = "cosine",
        warmup: float = 0.0,
        clip: float | None = None,
        patience: int | None = None,
        random_state: Any = 0,
        checkpoint: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.dim = dim
        self.hidden = hidden
        self.temperature = temperature
        self.chunk = chunk
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
        if len(data.X.names) < 2:
            raise DataError(f"contrast needs two modalities or more; X has {listing(data.X.names)}")
        data = paired(data)
        complete = data.X.present[data.train_rows].sum(axis=1) > 1
        if complete.sum() < 2:
            raise DataError(f"{complete.sum()} training rows have two modalities; contrast needs at least 2 to tell apart", code="S01")
        super()._fit(data, run)

    def _objective(self, spec: Spec, target: TargetSpec) -> Contrast:
        return Contrast(self.encoders_, spec, self.dim, tuple(self.hidden), self.temperature, self.chunk)

    def _embed(self, X: Dataset) -> dict[str, np.ndarray]:
        names = tuple(self.prepared_spec_)
        joint = self._forward(X, lambda objective, batch: torch.cat([slot.values for slot in objective.embed(batch).values()], dim=1))
        return dict(zip(names, np.split(joint, len(names), axis=1), strict=True))
