"""The suite over the registry: a new file is tested by being listed."""

from __future__ import annotations

import warnings

import pytest

from mcgurk import registry
from mcgurk.testing import conformance

CASES = [(room, name) for room in registry.ROOMS if registry.offered(room) for name, entry in registry.entries(room).items()]
RUNS = [(room, name, check) for room, name in CASES for check in conformance.checks(registry.entry(room, name))]


@pytest.mark.parametrize(("room", "name", "check"), RUNS, ids=[f"{r}:{n}-{c}".replace(" ", "_") for r, n, c in RUNS])
def test_conforms(room: str, name: str, check: str) -> None:
    entry = registry.entry(room, name)
    if entry.extra is not None:
        pytest.importorskip(
            {"hub": "transformers", "faces": "ai_edge_litert"}.get(entry.extra, entry.extra), reason=f"needs the extra {entry.extra}"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            conformance.checks(entry)[check](registry.find(room, name), entry)
    except conformance.Skip as reason:
        pytest.skip(str(reason))
