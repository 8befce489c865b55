"""What ``import mcgurk`` offers."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil

import pytest

import mcgurk

PACKAGES = ["mcgurk", *(f"mcgurk.{item.name}" for item in pkgutil.iter_modules(mcgurk.__path__) if item.ispkg and item.name != "cli")]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_that_is_offered_is_there(name: str) -> None:
    package = importlib.import_module(name)
    for offered in getattr(package, "__all__", []):
        assert getattr(package, offered) is not None


def test_names_are_what_they_say() -> None:
    assert mcgurk.FusionClassifier.__name__ == "FusionClassifier"
    assert "read_csv" in dir(mcgurk)
    with pytest.raises(AttributeError, match="no attribute 'fuse'"):
        _ = mcgurk.fuse


def test_the_version_is_the_installed_one() -> None:
    try:
        installed = importlib.metadata.version("mcgurk")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("mcgurk runs from its folder")
    assert installed == mcgurk.__version__
