"""Functions that decode workers run in these tests: spawned processes import them by name, without torch."""

from __future__ import annotations

import os
import sys
import time
import warnings

from mcgurk.data.limits import limits
from mcgurk.errors import McgurkWarning, MediaError


def behave(item: str) -> object:
    """Do what the item says."""
    word, _, rest = item.partition(":")
    if word == "die":
        os._exit(7)
    if word == "hang":
        time.sleep(60)
    if word == "swell":
        held = bytearray(400 << 20)
        held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])
        time.sleep(20)
    if word == "bad":
        raise MediaError("x: broken; mend it", code="F05")
    if word == "bug":
        raise ZeroDivisionError("one over none")
    if word == "warn":
        warnings.warn(McgurkWarning("noticed", code="F06"), stacklevel=1)
    if word == "die_once" and not os.path.exists(rest):
        open(rest, "w").close()
        os._exit(1)
    if word == "lambda":
        return lambda: None
    if word == "state":
        return os.getpid(), "torch" in sys.modules, limits().max_pixels
    return item.upper()
