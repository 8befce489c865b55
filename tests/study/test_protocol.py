"""Which row facts could give a split away."""

from __future__ import annotations

import numpy as np

from mcgurk.data import Dataset, Dense
from mcgurk.study.protocol import seen_in_training


def test_a_place_in_time_is_no_group_and_a_speaker_is_one():
    n = 60
    X = Dataset({"x": Dense(np.arange(n, dtype=float)[:, None])}).with_rows(step=np.arange(n) % 10, speaker=np.arange(n) % 12)
    split = (np.arange(0, 48), np.arange(48, n))
    assert dict(seen_in_training(X, None, (split,))) == {"speaker": 1.0}


def test_facts_that_name_nearly_every_row_or_hardly_any_are_no_groups():
    n = 60
    X = Dataset({"x": Dense(np.arange(n, dtype=float)[:, None])}).with_rows(row=np.arange(n), sex=np.arange(n) % 2)
    assert not seen_in_training(X, None, ((np.arange(0, 48), np.arange(48, n)),))
