"""Parts of a long run are made once, and anew where settings differ."""

from __future__ import annotations

import numpy as np
from benchmarks._stored import Stored


def test_a_part_is_made_once(tmp_path):
    made = []

    def part() -> dict[str, object]:
        made.append(1)
        return {"values": np.array([1, 2])}

    store = Stored("toy", "settings", tmp_path)
    assert store.get("a", part) == store.get("a", part) == {"values": [1, 2]} and len(made) == 1
    assert Stored("toy", "settings", tmp_path).get("a", part) == {"values": [1, 2]} and len(made) == 1
    store.get("b", part)
    Stored("toy", "other settings", tmp_path).get("a", part)
    assert len(made) == 3
