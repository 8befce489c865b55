"""What a Parquet footer claims, read so that no damage can end the process."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from mcgurk.data.footer import values_per_column
from mcgurk.errors import MediaError


def test_counts_agree_with_arrow(tmp_path):
    rng = np.random.default_rng(0)
    table = pyarrow.table(
        {
            "a": rng.normal(size=100),
            "b": [[1.0] * (i % 4) for i in range(100)],
            "s": [{"x": i, "y": str(i)} for i in range(100)],
            **{f"c{i}": np.arange(100) for i in range(20)},
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet", row_group_size=30)
    meta = pyarrow.parquet.read_metadata(tmp_path / "t.parquet")
    wanted = [sum(meta.row_group(g).column(i).num_values for g in range(meta.num_row_groups)) for i in range(meta.num_columns)]
    assert values_per_column(tmp_path / "t.parquet") == wanted
    pyarrow.parquet.write_table(table.slice(0, 0), tmp_path / "e.parquet")
    assert sum(values_per_column(tmp_path / "e.parquet")) == 0


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1" + b"\x00" * 20 + b"PAR1", b"PAR1\x1c\x1c\x1c\x1c" + b"\x04\x00\x00\x00PAR1", b"x" * 100]
)
def test_what_is_no_footer(tmp_path, data):
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(MediaError) as caught:
        values_per_column(tmp_path / "t.parquet")
    assert caught.value.code == "F05"


def test_any_damage_is_a_named_error(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": np.arange(50.0), "t": ["x"] * 50}).to_parquet(path, compression=None)
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(4):
            data[-chance.randrange(1, 900)] = chance.randrange(256)
        path.write_bytes(bytes(data))
        try:
            assert all(count >= 0 for count in values_per_column(path))
        except MediaError as error:
            assert error.code == "F05"


CHILD = """
import collections, random, sys, warnings
from pathlib import Path
from mcgurk.data import read_parquet
from mcgurk.errors import McgurkError
warnings.simplefilter("ignore")
path, chance = Path(sys.argv[1]), random.Random(1)
whole, seen = path.read_bytes(), collections.Counter()
for _ in range(150):
    data = bytearray(whole)
    for _ in range(chance.randrange(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(bytes(data))
    try:
        read_parquet(path, max_bad=1.0)
        seen["read"] += 1
    except McgurkError:
        seen["refused"] += 1
print(dict(seen))
"""


def test_damaged_tables_of_others_never_end_the_process(tmp_path):
    n, rng = 60, np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "t": [f"wörter über {i} und mehr" for i in range(n)],
            "x": rng.normal(size=n),
            "v": [list(rng.normal(size=3)) for _ in range(n)],
            "c": pd.Categorical(rng.choice(list("ab"), n)),
            "d": pd.to_datetime(rng.integers(0, 10**9, n), unit="s"),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet", compression=None)
    done = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path / "t.parquet")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "refused" in done.stdout
