"""What verify says of folders that are not as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mcgurk.errors import StoreError
from mcgurk.files import sha256_bytes
from mcgurk.study.compare import compare
from mcgurk.study.folder import verify


@pytest.fixture
def run(planted, fakes, tmp_path):
    X, y, groups = planted
    compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)[:2], output=tmp_path)
    return tmp_path


def test_damaged_results(run) -> None:
    (run / "results.json").write_text("{")
    assert verify(run)["faults"][0] == "results.json is damaged"


def test_results_of_another_plan(run) -> None:
    stored = json.loads((run / "results.json").read_text())
    del stored["sha256"]
    stored["plan_sha256"] = "0"
    text = json.dumps(stored, sort_keys=True)
    (run / "results.json").write_text(json.dumps({**stored, "sha256": sha256_bytes(text.encode())}))
    assert verify(run)["faults"] == ["results.json belongs to another plan than plan.json"]


def test_an_unfinished_run_has_its_cells_checked(run) -> None:
    (run / "results.json").unlink()
    assert verify(run)["ok"]
    cell = next((run / "cells").iterdir())
    cell.write_bytes(cell.read_bytes()[:-1])
    found = verify(run)
    assert (not found["ok"] and "does not match its checksum" in found["faults"][0]) or "damaged" in found["faults"][0]


def test_no_run(tmp_path) -> None:
    with pytest.raises(StoreError) as error:
        verify(tmp_path)
    assert error.value.code == "S05"
    with pytest.raises(StoreError) as error:
        verify(tmp_path / "none")
    assert error.value.code == "S03"


def test_a_parquet_file_is_verified_too(tmp_path: Path) -> None:
    from mcgurk import Dataset, Dense, write_parquet

    path = tmp_path / "features.parquet"
    write_parquet(Dataset({"a": Dense(np.arange(400.0).reshape(100, 4), kind="vector")}), path)
    assert verify(path) == {"ok": True, "checked": 1, "faults": []}
    whole = bytearray(path.read_bytes())
    whole[600] ^= 1  # within the first page of values
    path.write_bytes(bytes(whole))
    assert not verify(path)["ok"]
