"""Named random streams from one seed, and a guard for everybody else's global state."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed for the stream ``names`` of ``seed``: independent of call order, of the machine and of ``PYTHONHASHSEED``."""
    text = repr((int(seed), *map(str, names))).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """A numpy generator for the stream ``names`` of ``seed``."""
    import numpy

    return numpy.random.default_rng(derive(seed, *names))


def resolve(random_state: object) -> int:
    """An integer seed from scikit-learn's ``random_state``: an int, ``None`` (0: mcgurk is reproducible by default) or a RandomState."""
    if random_state is None:
        return 0
    if hasattr(random_state, "randint"):
        return int(random_state.randint(0, 2**31 - 1))
    if hasattr(random_state, "integers"):
        return int(random_state.integers(0, 2**31 - 1))
    return int(random_state)  # type: ignore[call-overload]


@contextlib.contextmanager
def guard(seed: int | None = None) -> Iterator[None]:
    """Restore Python's, numpy's and torch's global random state on exit; inside, seed them with ``seed`` where given."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    torch_state = torch.get_rng_state() if torch else None
    try:
        if seed is not None:
            random.seed(seed)
            if numpy:
                numpy.random.seed(seed % 2**32)
            if torch:
                torch.default_generator.manual_seed(seed)
        yield
    finally:
        random.setstate(python_state)
        if numpy:
            numpy.random.set_state(numpy_state)
        if torch:
            torch.set_rng_state(torch_state)
