from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def data_root():
    """The folder of real data sets; a test that needs one that is not there is skipped."""
    root = os.environ.get("MCGURK_DATA")

    def folder_with(name: str) -> Path:
        if not root or not (Path(root) / name).is_dir():
            pytest.skip(f"real data: no folder {name} below MCGURK_DATA")
        return Path(root)

    return folder_with
