"""Which encoder a column gets when nobody named one."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from mcgurk.data.spec import ColumnSpec
from mcgurk.encoders import assets
from mcgurk.errors import DataError, McgurkWarning

#: kind -> (registry name, weights it needs or None), the better first; the last of each needs none
ORDER: dict[str, tuple[tuple[str, str | None], ...]] = {
    "text": (("minilm", "minilm"), ("static_vectors", "wordllama"), ("tfidf", None)),
    "image": (("efficientnet", "efficientnet"), ("image_stats", None)),
    "audio": (("whisper", "whisper"), ("audio_stats", None)),
    "video": (("video_frames", None),),
    "tabular": (("tabular", None),),
    "series": (("series_stats", None),),
    "vector": (("precomputed", None),),
    "tokens": (("precomputed", None),),
}

#: the same encoders told to keep their steps; one that is not here gives one vector a row
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "minilm": ("minilm", {"tokens": True}),
    "static_vectors": ("static_vectors", {"tokens": True}),
    "whisper": ("whisper", {"tokens": True}),
    "audio_stats": ("audio_stats", {"sequence": True}),
    "video_frames": ("video_frames", {"pool": None}),
    "series_stats": ("precomputed", {}),
}


def default_encoder(spec: ColumnSpec, *, steps: bool = False) -> Any:
    """The encoder for a column of this spec, as a registry name or a pair (name, params): the best one whose weights are installed.

    A fall-back is announced in one line, once a process (warning P02).

    Args:
        spec: the column.
        steps: keep words, frames and moments as a sequence where the encoder can, for methods that read sequences.

    Raises:
        DataError: a kind without encoders.

    Example:
        >>> from mcgurk.data import ColumnSpec
        >>> from mcgurk.encoders import default_encoder
        >>> default_encoder(ColumnSpec("dense", "tabular", (3,)))
        'tabular'
        >>> default_encoder(ColumnSpec("ragged", "series", (3,), sequence=True), steps=True)
        ('precomputed', {})
    """
    if spec.kind not in ORDER:
        raise DataError(f"no encoder is known for columns of kind {spec.kind!r}; expected one of {', '.join(ORDER)}")
    order = ORDER[spec.kind]
    name = next(name for name, weights in order if weights is None or assets.installed(weights))
    if name != order[0][0]:
        _announce(spec.kind, name, str(order[0][1]))
    return STEPS.get(name, name) if steps else name


@cache
def _announce(kind: str, name: str, weights: str) -> None:
    text = f"{kind} is encoded by {name!r}, because the weights {weights!r} are not installed; better: mcgurk assets install {weights}"
    warnings.warn(McgurkWarning(text, code="P02"), stacklevel=4)
