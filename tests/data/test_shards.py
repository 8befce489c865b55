"""One shard: written before its manifest, checked when first read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mcgurk.data import Dense, Field, Ragged, shards
from mcgurk.errors import IntegrityError

COLUMNS = [
    Dense(np.arange(6, dtype=np.float32).reshape(3, 2), np.array([True, False, True])),
    Dense(np.arange(3.0)[:, None], None, "tabular", (Field("c", "category", ("a", "b")),)),
    Ragged(np.arange(8.0).reshape(4, 2), [0, 1, 1, 4], np.array([True, False, True]), np.arange(4.0), "audio"),
    Ragged(np.arange(4), [0, 1, 1, 4]),
]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_shard_gives_back_what_it_was_given(tmp_path, column):
    written = shards.write(tmp_path, ["a", "b", "c"], column)
    shard = shards.read(tmp_path / f"{written.name}.json")
    assert shard == written
    back = shard.open()
    assert type(back) is type(column) and back.kind == column.kind and back.values.dtype == column.values.dtype
    np.testing.assert_array_equal(back.values, column.values)
    np.testing.assert_array_equal(back.present, column.present)
    if isinstance(column, Ragged):
        np.testing.assert_array_equal(back.offsets, column.offsets)
        assert (back.times is None) == (column.times is None)
    else:
        assert back.fields == column.fields
    assert not back.values.flags.writeable and type(back.values) is np.ndarray


def test_equal_content_has_an_equal_name(tmp_path):
    a = shards.write(tmp_path / "a", ["k"], Dense(np.ones((1, 2))))
    b = shards.write(tmp_path / "b", ["k"], Dense(np.ones((1, 2))))
    c = shards.write(tmp_path / "a", ["k"], Dense(np.zeros((1, 2))))
    assert a.name == b.name != c.name and len(list(shards.manifests(tmp_path / "a"))) == 2


def test_damage_is_found(tmp_path):
    shard = shards.write(tmp_path, ["a", "b"], Dense(np.arange(4.0).reshape(2, 2)))
    values, manifest = tmp_path / f"{shard.name}.values.npy", tmp_path / f"{shard.name}.json"
    whole, about = values.read_bytes(), manifest.read_text()
    values.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="does not match its SHA-256"):
        shard.open()
    values.write_bytes(whole[:-1])
    with pytest.raises(IntegrityError):
        shard.open()
    values.unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        shard.open()
    for text in (about.replace('"a"', '"c"'), about[:-3], "[]", "{}", ""):
        manifest.write_text(text)
        with pytest.raises(IntegrityError):
            shards.read(manifest)
    manifest.write_text(about)
    manifest.rename(tmp_path / "other.json")
    with pytest.raises(IntegrityError):
        shards.read(tmp_path / "other.json")


def test_a_manifest_that_contradicts_its_arrays(tmp_path):
    from mcgurk.files import sha256_bytes

    shard = shards.write(tmp_path, ["a", "b"], Dense(np.arange(4.0).reshape(2, 2)))
    path = tmp_path / f"{shard.name}.json"
    for change in ({"keys": ["a"]}, {"item": [3]}, {"format": 99}):
        about = {**json.loads(path.read_text())["shard"], **change}
        body = json.dumps(about, sort_keys=True)
        (tmp_path / path.name).write_text(json.dumps({"sha256": sha256_bytes(body.encode()), "shard": about}))
        with pytest.raises(IntegrityError):
            shards.read(path).open()
        shards.write(tmp_path, ["a", "b"], Dense(np.arange(4.0).reshape(2, 2)))


def test_removing_takes_the_manifest_first(tmp_path):
    shard = shards.write(tmp_path, ["a"], Ragged(np.ones(2), [0, 2]))
    shards.remove(tmp_path / f"{shard.name}.json")
    assert list(tmp_path.iterdir()) == []
    shards.remove(tmp_path / "gone.json")
