"""One hash for a Dataset's content."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged
from mcgurk.data.fingerprint import column_fingerprint, fingerprint


def base(**changes) -> Dataset:
    columns = {
        "t": Lazy(["a", None, ""]),
        "v": Dense(np.arange(6.0).reshape(3, 2), np.array([True, True, False])),
        "s": Ragged(np.arange(3.0), [0, 1, 1, 3], None, np.arange(3.0)),
        "c": Dense(np.array([[0.0], [1.0], [np.nan]]), None, "tabular", (Field("c", "category", ("x", "y")),)),
    }
    return Dataset({**columns, **changes}, rows=pd.DataFrame({"group": [1, 1, 2]}))


def test_everything_that_counts_changes_it():
    X = base()
    others = [
        X[[0, 2, 1]],
        base(t=Lazy(["a", "", None])),
        base(t=Lazy(["a", None, ""], kind="audio")),
        base(v=Dense(np.arange(6.0).reshape(3, 2))),
        base(v=Dense(np.arange(6.0, dtype=np.float32).reshape(3, 2), np.array([True, True, False]))),
        base(s=Ragged(np.arange(3.0), [0, 1, 1, 3])),
        base(s=Ragged(np.arange(3.0), [0, 1, 2, 3], None, np.arange(3.0))),
        base(c=Dense(np.array([[0.0], [1.0], [np.nan]]), None, "tabular", (Field("c", "category", ("x", "z")),))),
        X.with_rows(group=[1, 2, 2]),
        X.select(["t", "v"]),
        Dataset(dict(X.items()), ids=[5, 6, 7], rows=X.rows),
    ]
    prints = [fingerprint(other) for other in others]
    assert len({*prints, fingerprint(X)}) == len(others) + 1
    assert fingerprint(X, np.array([1, 2, 3])) != fingerprint(X, np.array([1, 2, 4])) != fingerprint(X)
    assert fingerprint(X, Ragged(np.arange(3), [0, 1, 1, 3])) != fingerprint(X, np.arange(3))


def test_what_stands_in_an_absent_row_does_not_count():
    changed = np.arange(6.0).reshape(3, 2)
    changed[2] = 99
    assert fingerprint(base(v=Dense(changed, np.array([True, True, False])))) == fingerprint(base())


def test_a_path_counts_by_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    first, second = (Lazy([tmp_path / name], kind="image") for name in "ab")
    assert column_fingerprint("p", first) == column_fingerprint("p", second)
