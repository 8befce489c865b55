"""What is minimised, and by which parameters in turn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor, nn

from mcgurk.nn.batch import Batch
from mcgurk.nn.look import Look, Seen


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
        rates: (globs, factor) pairs, further factors on the learning rates of the parameters they fit; the first that fits counts.
    """

    name: str = "all"
    params: str = "*"
    steps: int = 1
    every: int = 1
    epochs: tuple[int, int | None] = (0, None)
    lr_scale: float = 1.0
    rates: tuple[tuple[str, float], ...] = ()

    def active(self, epoch: int) -> bool:
        """Whether the phase has its turn in this epoch."""
        return epoch >= self.epochs[0] and (self.epochs[1] is None or epoch < self.epochs[1])


class Step:
    """Where training stands: epoch, batch within it, and a generator for this step's noise.

    Args:
        epoch, step: both from 0.
        generator: the generator, or what makes it when it is first asked for: most losses draw nothing.
    """

    __slots__ = ("_generator", "epoch", "step")

    def __init__(self, epoch: int, step: int, generator: Generator | Callable[[], Generator]) -> None:
        self.epoch = epoch
        self.step = step
        self._generator = generator

    @property
    def generator(self) -> Generator:
        """Noise that depends on seed, epoch, step and phase alone, so that a resumed run draws the same."""
        if not isinstance(self._generator, Generator):
            self._generator = self._generator()
        return self._generator


class Objective(nn.Module):
    """Named terms whose sum is minimised. Sees the whole batch, so contrastive and adversarial methods need nothing else.

    Whatever must outlive a batch is a parameter or a buffer: a checkpoint holds nothing else.
    """

    def phases(self) -> tuple[Phase, ...]:
        """Who learns when. A parameter in no phase is an error; one that does not require gradients is frozen for good."""
        return (Phase(),)

    @abstractmethod
    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        """Weighted scalars by name; their sum is minimised."""

    def outputs(self, batch: Batch) -> Any:
        """What prediction computes of a batch, in evaluation mode; what its cost is counted on."""
        raise NotImplementedError(f"{type(self).__name__} has no outputs(batch)")

    def rate(self, batch: Batch) -> float:
        """Factor on the learning rates of all updates on this batch; 0 leaves the batch out."""
        return 1.0

    def looks(self, batch: Batch, seen: Seen) -> list[Look]:
        """What weighed the answer beside the fusion layers, from the weights recorded while ``outputs(batch)`` ran."""
        return []

    def after_step(self, phase: str) -> None:
        """After an update: moving averages, clamps, queues."""

    def refresh(self, batches: Callable[[], Iterable[Batch]]) -> None:
        """Before an epoch: expectation, eigen- and clustering steps over all training rows, in evaluation mode and without gradients."""

    def validate(self, batch: Batch, step: Step) -> Tensor:
        """The scalar that early stopping watches on a batch of held-out rows; by default the loss of the last phase."""
        terms = list(self.loss(batch, self.phases()[-1].name, step).values())
        return terms[0] if len(terms) == 1 else sum(terms[1:], terms[0])

    def held_out(self, batches: Callable[[], Iterable[Batch]], step: Step) -> float:
        """What early stopping watches after an epoch, smaller is better: by default the mean of :meth:`validate` over held-out rows."""
        total, count = 0.0, 0
        for batch in batches():
            total += float(self.validate(batch, step)) * len(batch)
            count += len(batch)
        return total / max(count, 1)
