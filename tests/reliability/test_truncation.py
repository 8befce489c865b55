"""A2: 400 truncations over eight containers; at least 99 per cent are reported (here: all)."""

from __future__ import annotations

import warnings

import media_factory
import pytest
import truncation

from mcgurk.data.audio import read_audio
from mcgurk.data.image import read_image
from mcgurk.data.video import read_video
from mcgurk.errors import McgurkWarning, MediaError


@pytest.mark.parametrize("name", truncation.NAMES)
def test_cuts_are_reported(name: str) -> None:
    assert truncation.silent(name, 50) == []


@pytest.mark.parametrize("name", [n for n in media_factory.NAMES if n not in media_factory.PICTURES])
def test_whole_files_are_complete(name: str) -> None:
    """The other error: a whole file must not be called truncated, and makes no warning."""
    read = read_video if name in media_factory.VIDEOS else read_audio
    with warnings.catch_warnings():
        warnings.simplefilter("error", McgurkWarning)
        assert read(media_factory.seed(name)).complete


@pytest.mark.parametrize("name", media_factory.PICTURES)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_cut_pictures_are_errors(name: str, share: float) -> None:
    data = media_factory.seed(name)
    with pytest.raises(MediaError, match="ends before") as caught:
        read_image(data[: int(len(data) * share)])
    assert caught.value.code == "F06"
