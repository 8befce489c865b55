"""The table of data sets: complete, readable without numpy, and every name loads."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

from mcgurk import datasets
from mcgurk.datasets import catalogue
from mcgurk.errors import DataError, UnknownName


def test_readable_without_numpy():
    code = "import sys, mcgurk.datasets.catalogue as c; assert len(c.CATALOGUE) > 10; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", catalogue.CATALOGUE)
def test_every_line_leads_to_a_documented_function(name):
    entry = catalogue.info(name)
    loader = catalogue.loader_of(name)
    assert entry.kind in catalogue.KINDS
    assert getattr(datasets, entry.function) is loader
    assert all(section in loader.__doc__ for section in ("Shapes:",))
    assert bool(entry.folder) == (entry.kind == "own folder")
    if entry.kind == "own folder":
        assert next(iter(inspect.signature(loader).parameters)) == "root"


def test_every_loader_is_listed():
    listed = {entry.function for entry in catalogue.CATALOGUE.values()}
    assert {name for name in datasets.__all__ if name.startswith(("load_", "make_"))} == listed
    for name in datasets.__all__:
        assert getattr(datasets, name) is not None
    importlib.import_module("mcgurk.datasets")


@pytest.mark.parametrize("name", [n for n, e in catalogue.CATALOGUE.items() if e.kind != "own folder"])
def test_load_by_name(name):
    X, y = catalogue.load(name)
    assert (y is None) == (not catalogue.info(name).target)
    assert y is None or len(y) == len(X)


def test_refusals(monkeypatch):
    monkeypatch.delenv("MCGURK_DATA", raising=False)
    with pytest.raises(UnknownName, match="emoji") as caught:
        catalogue.load("mnist")
    assert caught.value.code == "U01"
    with pytest.raises(DataError, match="reads no folder"):
        catalogue.load("emoji", root=".")
    with pytest.raises(DataError, match="MCGURK_DATA"):
        catalogue.load("houses")
    assert catalogue.answer_of("emoji") is None
