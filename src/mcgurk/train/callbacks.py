"""What may look on while training runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcgurk.train.loop import Loop


class Callback:
    """Called at the end of every epoch, after the held-out rows were looked at."""

    def epoch_end(self, loop: Loop) -> None:
        """Look at ``loop``; change nothing that a resumed run would miss."""
