"""Settings are read as attributes, changed by set, and come back after a block."""

from __future__ import annotations

from pathlib import Path

import pytest

import mcgurk
from mcgurk.config import default_cache
from mcgurk.errors import McgurkError, UnknownName


def test_set_for_one_block_and_for_good() -> None:
    before = mcgurk.config.threads
    with mcgurk.config.set(threads=3, device="cuda:1") as inside:
        assert (inside.threads, mcgurk.config.threads, mcgurk.config.device) == (3, 3, "cuda:1")
    assert (mcgurk.config.threads, mcgurk.config.device) == (before, "auto")
    undo = mcgurk.config.set(threads=2)
    assert mcgurk.config.threads == 2
    undo.__exit__()
    assert mcgurk.config.threads == before


def test_a_refused_setting_changes_nothing() -> None:
    for settings in ({"threads": 0}, {"device": "abacus"}, {"progress": "yes"}):
        with pytest.raises(McgurkError) as refused:
            mcgurk.config.set(cache="elsewhere", **settings)
        assert refused.value.code == "C01"
    with pytest.raises(UnknownName, match="cache, device, threads, progress"):
        mcgurk.config.set(thread=1)
    assert mcgurk.config.cache != Path("elsewhere")


def test_assignment_is_refused_and_unknown_settings_are_named() -> None:
    with pytest.raises(AttributeError, match=r"mcgurk\.config\.set\(threads="):
        mcgurk.config.threads = 2
    with pytest.raises(AttributeError, match="no setting 'colour'"):
        _ = mcgurk.config.colour


def test_progress_follows_the_terminal() -> None:
    with mcgurk.config.set(progress=True):
        assert mcgurk.config.shows_progress
    with mcgurk.config.set(progress=None):
        assert mcgurk.config.shows_progress in (True, False)


@pytest.mark.parametrize(("platform", "expected"), [("darwin", ("Library", "Caches", "mcgurk")), ("linux", ("caches", "mcgurk"))])
def test_default_cache(platform: str, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCGURK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    monkeypatch.setattr("sys.platform", platform)
    assert default_cache().parts[-len(expected) :] == expected
    monkeypatch.setenv("MCGURK_CACHE", "~/mine")
    assert default_cache() == Path.home() / "mine"
