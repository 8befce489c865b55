"""The sound track of a video, through an encoder of sounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.spec import ColumnSpec
from mcgurk.encoders.auto import default_encoder
from mcgurk.encoders.cells import flatten, lazy_of, per_item
from mcgurk.encoders.video_frames import inner_encoder
from mcgurk.nn.component import Encoder
from mcgurk.params import learn

_SOUND = ColumnSpec("lazy", "audio")


class VideoSound(Encoder):
    """What an encoder of sounds makes of a video's sound track; a video without one is absent here, for its sound was not observed.

    When not to use it: to hear and see at once: give the column twice, with "video_frames" beside it.

    Args:
        sound: encoder of sounds: a registry name, a pair (name, {params}), an object, or "auto" (the best whose weights are installed).

    Shapes: videos (files) -> what the encoder of sounds gives.

    Raises:
        MediaError: a file that cannot be decoded.
        DataError: arrays of frames, which have no sound; an encoder that trains with the model.

    Example:
        >>> VideoSound(("log_mel", {"n_mels": 40})).prepare(column).item  # doctest: +SKIP
        (40,)
    """

    kinds = ("video",)

    def __init__(self, sound: Any = "auto") -> None:
        super().__init__()
        self.sound = sound

    def prepare_fit(self, column: Column) -> None:
        vars(self).pop("sound_name_", None)
        if self.sound == "auto":  # the same encoder wherever the model is loaded
            self.sound_name_ = default_encoder(_SOUND)
        inner = self._inner()
        if type(inner).prepare_fit is not Encoder.prepare_fit:
            inner.prepare_fit(_heard(flatten(lazy_of(column, "VideoSound", "video"))[0]))
        self.sound_state_ = inner.learned()

    def prepare(self, column: Column) -> Dense | Ragged:
        inner = self._inner()
        return per_item(lazy_of(column, "VideoSound", "video"), lambda flat: inner.prepare(_heard(flat)))

    @property
    def assets(self) -> tuple[str, ...]:
        """Packaged weights of the encoder of sound."""
        return getattr(self._inner(), "assets", ())

    def weights_hash(self) -> str:
        return str(self._inner().fingerprint())

    def _inner(self) -> Encoder:
        inner = inner_encoder(getattr(self, "sound_name_", self.sound), _SOUND)
        learn(inner, getattr(self, "sound_state_", {}))
        return inner


def _heard(column: Lazy) -> Lazy:
    """The same files as sounds; present where there is a sound track."""
    from mcgurk.data.video import video_info

    heard = [bool(there) and video_info(item).has_sound for item, there in zip(column.items, column.present, strict=True)]
    return Lazy(column.items, np.array(heard, dtype=bool), "audio")
