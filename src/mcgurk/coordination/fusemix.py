"""FuseMix: two frozen encoders joined by small adapters, from few pairs, by mixing latents of both sides alike."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
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
from mcgurk.roles import Embedder
from mcgurk.run import Run
from mcgurk.train.encoded import Encoded
from mcgurk.train.estimator import NeuralEstimator
from mcgurk.train.objective import Step

COLDEST, WARMEST = 0.001, 0.5


class Residual(nn.Module):
    """``x + Dropout(W_2 GELU(W_1 LayerNorm(x)))``."""

    def __init__(self, width: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, expansion * width), nn.GELU(), nn.Linear(expansion * width, width), nn.Dropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def adapter(width: int, dim: int, depth: int, expansion: int, dropout: float) -> nn.Sequential:
    """Residual blocks, LayerNorm, and a linear map to the common space."""
    blocks = [Residual(width, expansion, dropout) for _ in range(depth)]
    return nn.Sequential(*blocks, nn.LayerNorm(width), nn.Linear(width, dim))


def beta(alpha: float, generator: Generator) -> float:
    """One draw from Beta(alpha, alpha), determined by the generator's state."""
    seed = int(torch.randint(2**62, (), generator=generator))
    return float(np.random.default_rng(seed).beta(alpha, alpha))


def halves(values: Tensor, share: float) -> Tensor:
    """``share z_i + (1 - share) z_j``, i from the first half of the rows and j from the second; an odd last row is left out."""
    n = len(values) // 2
    return share * values[:n] + (1 - share) * values[n : 2 * n]


class Mixing(Encoded):
    """The objective: adapters, a temperature, and the contrastive loss of mixed latents; unmixed where nothing is trained."""

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        prepared: Spec,
        dim: int,
        *,
        depth: int,
        expansion: int,
        dropout: float,
        alpha: float,
        temperature: float,
        chunk: int | None,
    ) -> None:
        super().__init__(encoders, prepared)
        names = self.encoders.names()
        self.adapters = NamedModules({name: adapter(self.width(name), dim, depth, expansion, dropout) for name in names})
        self.temperature = nn.Parameter(torch.tensor(temperature))
        self.alpha = alpha
        self.chunk = chunk
        self.pairs = list(combinations(names, 2))

    def project(self, name: str, values: Tensor) -> Tensor:
        """Unit vectors (B, dim) of latents (B, width)."""
        return F.normalize(self.adapters[name](values), dim=1)

    def embed(self, batch: Batch) -> dict[str, Slot]:
        """Unit vectors by modality."""
        return {name: slot.with_values(self.project(name, slot.values)) for name, slot in self.encode(batch).items()}

    outputs = embed

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        latents = self.encode(batch)
        share = beta(self.alpha, step.generator) if self.training else None
        return {f"{a} ~ {b}": self.contrast(latents, a, b, share) / len(self.pairs) for a, b in self.pairs}

    def contrast(self, latents: Mapping[str, Slot], a: str, b: str, share: float | None) -> Tensor:
        """Symmetric InfoNCE of the rows that have both; mixed by ``share``, the same for both modalities, unless that is None."""
        both = (latents[a].present & latents[b].present).nonzero()[:, 0]
        parts = [latents[name].values[both] for name in (a, b)]
        if share is not None:
            parts = [halves(part, share) for part in parts]
        u, v = (self.project(name, part) for name, part in zip((a, b), parts, strict=True))
        if len(u) < 2:  # nothing to tell apart
            return 0 * (self.temperature + u.sum() + v.sum())
        return info_nce(u, v, 1 / self.temperature, chunk=self.chunk)

    def after_step(self, phase: str) -> None:
        with torch.no_grad():
            self.temperature.clamp_(COLDEST, WARMEST)


class FuseMix(Embedder, NeuralEstimator):
    """Adapters over frozen encoders, trained on convex mixtures: ``z~ = lam z_i + (1 - lam) z_j`` in every modality, one lam and the same
    (i, j) for all, lam ~ Beta(alpha, alpha) once a step; then the symmetric InfoNCE of the mixed batch.

    Mixing on the latent side is augmentation that needs no image or text, so a few thousand pairs go far. A batch is mixed half with
    half. An adapter is ``depth`` blocks ``x + Dropout(W_2 GELU(W_1 LN(x)))``, then LN and a linear map.

    Not for: encoders that should learn themselves (:class:`~mcgurk.coordination.infonce.InfoNCE`); latents of one number, which LN
    makes constant.

    Args:
        dim: dimensions of the common sphere.
        depth, expansion, dropout: of the adapters.
        alpha: of the Beta distribution.
        temperature: divides the cosines; learned from there within [.001, .5].
        chunk: rows of logits at a time, for batches whose B^2 logits do not fit in memory.
        encoders: choices by column or kind; None for the defaults.
        epochs, batch_size, optim, schedule, warmup, clip, patience: of the loop (:mod:`mcgurk.train.loop`). The paper: batches of 40 960
            pairs, 500 epochs; the figures here suit tables of thousands.
        random_state, checkpoint, dtype: as everywhere.

    Shapes: M modalities -> M columns (n, dim) of unit length.

    Raises:
        DataError: fewer than two modalities, or fewer than four training rows with two of them (S01); alpha not above 0.

    Source: Vouitsis, Liu, Gorti, Villecroze, Cresswell, Yu, Loaiza-Ganem, Volkovs 2024, Data-efficient multimodal fusion on a single GPU,
        CVPR.

    Example:
        >>> import numpy as np
        >>> from mcgurk.coordination import FuseMix
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(256, 8))
        >>> X = {"image": z @ rng.normal(size=(8, 32)), "text": z @ rng.normal(size=(8, 24))}
        >>> model = FuseMix(16, depth=1, dropout=0.1, epochs=30, batch_size=128, optim=("adam", 3e-3)).fit(X)
        >>> Z = model.transform(X)
        >>> cosine = FuseMix.similarity(Z["image"].values, Z["text"].values)
        >>> bool((cosine.argmax(axis=1) == np.arange(256)).mean() > 0.5)
        True
    """

    pairs_wanted = True

    def __init__(
        self,
        dim: int = 512,
        *,
        depth: int = 4,
        expansion: int = 4,
        dropout: float = 0.6,
        alpha: float = 1.0,
        temperature: float = 0.07,
        chunk: int | None = None,
        encoders: Any = None,
        epochs: int = 100,
        batch_size: int = 1024,
        optim: Any = ("adamw", {"lr": 1e-3, "weight_decay": 0.1}),
        schedule: Any = "cosine",
        warmup: float = 0.02,
        clip: float | None = None,
        patience: int | None = None,
        random_state: Any = 0,
        checkpoint: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.dim = dim
        self.depth = depth
        self.expansion = expansion
        self.dropout = dropout
        self.alpha = alpha
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
        if self.alpha <= 0:
            raise DataError(f"alpha={self.alpha}; a Beta distribution needs a number above 0")
        data = paired(data)
        complete = int((data.X.present[data.train_rows].sum(axis=1) > 1).sum())
        if complete < 4:
            raise DataError(
                f"{complete} training rows have two modalities; mixing needs at least 4, two mixtures to tell apart", code="S01"
            )
        super()._fit(data, run)

    def _objective(self, spec: Spec, target: TargetSpec) -> Mixing:
        return Mixing(
            self.encoders_,
            spec,
            self.dim,
            depth=self.depth,
            expansion=self.expansion,
            dropout=self.dropout,
            alpha=self.alpha,
            temperature=self.temperature,
            chunk=self.chunk,
        )

    def _embed(self, X: Dataset) -> dict[str, np.ndarray]:
        encoders: Any = self.objective_.encoders
        names = encoders.names()
        joint = self._forward(X, lambda objective, batch: torch.cat([slot.values for slot in objective.embed(batch).values()], dim=1))
        return dict(zip(names, np.split(joint, len(names), axis=1), strict=True))
