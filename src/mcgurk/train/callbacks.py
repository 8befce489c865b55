"""What may look on while training runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcgurk.train.loop import Loop


class Callback:
    """Called at the end of every epoch, after the held-out rows were looked at."""

    def epoch_end(self, loop: Loop) -> None:
        """Look at ``loop``; change nothing that a resumed run would miss."""


_watching: ContextVar[tuple[Callback, ...]] = ContextVar("mcgurk_callbacks", default=())


@contextmanager
def watching(*callbacks: Callback) -> Iterator[None]:
    """Inside the block, every training run is looked on by these callbacks, whoever starts it.

    Example:
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.datasets import make_synergy
        >>> class Count(Callback):
        ...     seen = 0
        ...     def epoch_end(self, loop):
        ...         self.seen += 1
        >>> count = Count()
        >>> with watching(count):
        ...     _ = FusionClassifier("concat", epochs=3, patience=None).fit(*make_synergy(n=50))
        >>> count.seen
        3
    """
    token = _watching.set((*_watching.get(), *callbacks))
    try:
        yield
    finally:
        _watching.reset(token)


def watchers() -> tuple[Callback, ...]:
    """Who looks on."""
    return _watching.get()
