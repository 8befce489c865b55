"""What is minimised, and by which parameters in turn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Generator, Tensor, nn

from mcgurk.nn.batch import Batch


@dataclass(frozen=True)
class Phase:
    """A turn of some parameters.

    Args:
        name: passed to ``loss``.
        params: globs on parameter names, separated by spaces; a bare column name means ``encoders.<name>.*``.
        steps: updates on each batch.
        every: only on every so many batches.
        epochs: (first, one past the last or None).
        lr_scale: factor on every learning rate.
    """

    name: str = "all"
    params: str = "*"
    steps: int = 1
    every: int = 1
    epochs: tuple[int, int | None] = (0, None)
    lr_scale: float = 1.0

    def active(self, epoch: int) -> bool:
        return epoch >= self.epochs[0] and (self.epochs[1] is None or epoch < self.epochs[1])


@dataclass(frozen=True)
class Step:
    """Where training stands: epoch, batch within it, and a generator for this step's noise."""

    epoch: int
    step: int
    generator: Generator


class Objective(nn.Module):
    """Named terms whose sum is minimised. Sees the whole batch, so contrastive and adversarial methods need nothing else."""

    def phases(self) -> tuple[Phase, ...]:
        """Who learns when. A parameter in no phase is an error."""
        return (Phase(),)

    @abstractmethod
    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        """Weighted scalars by name; their sum is minimised."""

    def after_step(self, phase: str) -> None:
        """After an update: moving averages, clamps, queues."""

    def refresh(self, batches: Callable[[], Iterable[Batch]]) -> None:
        """Before an epoch: expectation, eigen- and clustering steps over all training rows."""

    def validate(self, batch: Batch, step: Step) -> Tensor:
        """The scalar that early stopping watches on held-out rows; by default the loss of the last phase."""
        terms = self.loss(batch, self.phases()[-1].name, step)
        return sum(terms.values())  # type: ignore[return-value]
