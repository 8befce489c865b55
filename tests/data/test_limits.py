"""Limits: settings with a code each, in force inside a block, and the Parquet budget."""

from __future__ import annotations

import dataclasses
import re
import threading
from pathlib import Path

import pytest

from mcgurk.data.limits import Deadline, Limits, check, check_parquet, code_of, limits
from mcgurk.errors import DataError, MediaError


def test_a_block_changes_and_restores() -> None:
    with limits(max_pixels=10) as inner:
        assert limits() is inner
        with limits(max_channels=2):
            assert (limits().max_pixels, limits().max_channels) == (10, 2)
        assert limits().max_channels == 64
    assert limits() == Limits()


def test_limits_belong_to_a_thread() -> None:
    seen = []
    with limits(max_pixels=10):
        thread = threading.Thread(target=lambda: seen.append(limits().max_pixels))
        thread.start()
        thread.join()
    assert seen == [Limits().max_pixels]


def test_every_limit_has_its_own_documented_code() -> None:
    codes = [code_of(field.name) for field in dataclasses.fields(Limits)]
    assert len(set(codes)) == len(codes)
    listed = re.findall(r"^\| (B\d\d) \|", (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(codes) == sorted(listed)


@pytest.mark.parametrize("changes", [{"max_pixel": 1}, {"max_pixels": 0}, {"max_pixels": -1}, {"max_pixels": "9"}, {"max_pixels": True}])
def test_impossible_changes(changes: dict[str, object]) -> None:
    with pytest.raises(DataError):
        limits(**changes)


def test_the_message_names_file_finding_and_remedy() -> None:
    with pytest.raises(
        MediaError, match=r"a\.png: 9 pixels, more than the 100,000,000 that limit max_pixels allows; .*limits\(max_pixels="
    ) as caught:
        check("max_pixels", 2e8, "9 pixels", "a.png")
    assert caught.value.code == "B01"


def test_deadline_grows_with_the_file() -> None:
    assert Deadline("a", 10_000_000).allowed == pytest.approx(160)
    with limits(max_seconds=1e-9):
        late = Deadline("a", 0)
    with pytest.raises(MediaError) as caught:
        late.check()
    assert caught.value.code == "B12"


def test_parquet_counts_decoded_widths(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table(
        {"i": pa.array(range(1000), pa.int64()), "f": pa.array([0.5] * 1000, pa.float32()), "s": ["abc"] * 1000, "b": [True] * 1000}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert check_parquet(tmp_path / "t.parquet") == 1000 * (8 + 4 + 4 + 3 + 1)
    assert check_parquet(tmp_path / "t.parquet", columns=["i"]) == 8000
    assert check_parquet(tmp_path / "t.parquet", rows=10) == pytest.approx(200, abs=2)
    with limits(max_table_bytes=19_000), pytest.raises(MediaError) as caught:
        check_parquet(tmp_path / "t.parquet")
    assert caught.value.code == "B11"
    with limits(max_table_bytes=19_000):
        check_parquet(tmp_path / "t.parquet", rows=100)


def test_parquet_nested_text_is_counted(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"l": [["abcdefgh"] * 4] * 50, "x": [b"12345"] * 50})
    pq.write_table(table, tmp_path / "t.parquet")
    assert check_parquet(tmp_path / "t.parquet") >= 50 * (4 * 8 + 5)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"no table"])
def test_what_is_no_parquet(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(MediaError) as caught:
        check_parquet(tmp_path / "t.parquet")
    assert caught.value.code == "F05"
    with pytest.raises(MediaError) as caught:
        check_parquet(tmp_path / "missing.parquet")
    assert caught.value.code == "F02"
