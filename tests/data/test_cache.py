"""The feature cache: computes once, survives kill -9 and bit rot, serves several writers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from mcgurk.data import Dense, FeatureCache, Lazy, Ragged, shards
from mcgurk.data import cache as module
from mcgurk.data.fingerprint import column_fingerprint
from mcgurk.errors import DataError, IntegrityError, McgurkWarning

KILLS = int(os.environ.get("MCGURK_KILLS", "4"))


class Encoder:
    """Counts what it is asked for; rows are independent."""

    def __init__(self, ragged=False):
        self.ragged, self.asked = ragged, []

    def __call__(self, column):
        self.asked.append(list(column.items))
        vectors = [np.frombuffer(str(t).encode().ljust(4, b"."), dtype=np.uint8)[:4].astype(np.float32) for t in column.items]
        if self.ragged:
            return Ragged.of([np.tile(v, (len(str(t)) % 3, 1)) for v, t in zip(vectors, column.items)], kind="audio")
        return Dense(np.array(vectors, dtype=np.float32).reshape(len(column), 4))


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


@pytest.mark.parametrize("ragged", [False, True])
def test_each_content_is_computed_once_whatever_row_or_call(cache, ragged):
    encoder = Encoder(ragged)
    first = cache.prepare(Lazy(["one", None, "two", "one", "three"]), "e1", encoder, chunk=2)
    assert encoder.asked == [["one", "two"], ["three"]]
    again = cache.prepare(Lazy(["three", "four", None, "one"]), "e1", encoder)
    assert encoder.asked[2:] == [["four"]]
    direct = Encoder(ragged)(Lazy(["three", "four", "one"]))
    kept = again.take(np.array([0, 1, 3]))
    np.testing.assert_array_equal(kept.values, direct.values)
    assert again.present.tolist() == [True, True, False, True] and first.present.tolist() == [True, False, True, True, True]
    if ragged:
        assert again.lengths[2] == 0 and again.kind == "audio"
    else:
        assert not again.values[2].any()


def test_another_fingerprint_is_another_result(cache):
    encoder = Encoder()
    cache.prepare(Lazy(["a"]), "e1", encoder)
    cache.prepare(Lazy(["a"]), "e2", encoder)
    assert len(encoder.asked) == 2


def test_files_count_by_their_bytes(cache, tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"same")
    encoder = Encoder()
    cache.prepare(Lazy([tmp_path / "a"], kind="image"), "e", lambda c: Dense(np.ones((len(c), 1))))
    cache.prepare(Lazy([tmp_path / "b"], kind="image"), "e", encoder)
    assert encoder.asked == []


def test_one_shard_that_holds_all_rows_is_mapped(cache):
    column = Lazy([f"t{i}" for i in range(10)])
    cache.prepare(column, "e", Encoder())
    mapped = cache.prepare(column, "e", Encoder())
    assert not mapped.values.flags.writeable
    assert type(mapped.take(np.array([3, 1])).values) is np.ndarray


def test_large_results_become_one_mapped_column(cache, monkeypatch):
    monkeypatch.setattr(module, "WHOLE_BYTES", 64)
    column = Lazy([f"t{i}" if i % 3 else None for i in range(30)] + ["t1"])
    first = cache.prepare(column, "e", Encoder(), chunk=4)
    assert not first.values.flags.writeable
    encoder = Encoder()
    second = cache.prepare(column, "e", encoder, chunk=4)
    assert encoder.asked == [] and column_fingerprint("x", first) == column_fingerprint("x", second)
    assert cache.prepare(Lazy(["t2", "t29"]), "e", encoder).present.all() and encoder.asked == []


def test_rows_the_encoder_gives_up_stay_absent(cache):
    def compute(column):
        return Dense(np.zeros((len(column), 2)), np.array([t != "bad" for t in column.items]))

    assert cache.prepare(Lazy(["ok", "bad"]), "e", compute).present.tolist() == [True, False]
    assert cache.prepare(Lazy(["bad", "ok"]), "e", Encoder()).present.tolist() == [False, True]


def test_nothing_present(cache):
    empty = cache.prepare(Lazy([None, None]), "e", Encoder())
    assert empty.values.shape == (2, 4) and not empty.present.any()


def test_times_travel(cache):
    def compute(column):
        return Ragged.of([np.ones((2, 1)) for _ in column.items], times=[[0.0, len(t)] for t in column.items])

    cache.prepare(Lazy(["a", "bb"]), "e", compute)
    assert cache.prepare(Lazy(["bb", None, "a"]), "e", compute).times.tolist() == [0, 2, 0, 1]


@pytest.mark.parametrize("compute", [lambda c: Dense(np.zeros((1, 2))), lambda c: np.zeros((2, 2))])
def test_an_encoder_that_gives_too_little(cache, compute):
    with pytest.raises(DataError, match="for 2 items"):
        cache.prepare(Lazy(["a", "b"]), "e", compute)


def test_progress_wraps_the_chunks(cache):
    seen = []

    def track(chunks, total):
        for chunk in chunks:
            yield chunk
            seen.append((len(chunk), total))

    cache.prepare(Lazy(list("abcde")), "e", Encoder(), chunk=2, progress=track)
    cache.prepare(Lazy(list("abcde")), "e", Encoder(), chunk=2, progress=track)
    assert seen == [(2, 3), (2, 3), (1, 3)]


def test_the_default_place_is_the_configured_one():
    import mcgurk

    assert FeatureCache().folder == mcgurk.config.cache / "features"


def test_temporary_files_of_dead_writers_are_swept(cache):
    cache.prepare(Lazy(["a"]), "e", Encoder())
    place = next(cache.folder.iterdir())
    (place / ".x.npy.999999999.0123abcd.tmp").write_bytes(b"half")
    cache.prepare(Lazy(["a"]), "e", Encoder())
    assert not list(place.glob(".*.tmp"))


def test_damage_is_said_and_computed_again(cache):
    column = Lazy([f"text {i}" for i in range(20)])
    clean = column_fingerprint("x", cache.prepare(column, "e", Encoder(), chunk=5))
    place = next(cache.folder.iterdir())
    victim = sorted(place.glob("*.values.npy"))[2]
    data = bytearray(victim.read_bytes())
    data[-3] ^= 4
    victim.write_bytes(bytes(data))
    encoder = Encoder()
    with pytest.warns(McgurkWarning, match="does not match its SHA-256") as caught:
        again = cache.prepare(column, "e", encoder, chunk=5)
    assert caught[0].message.code == "K01" and sum(map(len, encoder.asked)) == 5
    assert column_fingerprint("x", again) == clean


def test_a_disk_that_never_keeps_what_it_is_given(cache, monkeypatch):
    monkeypatch.setattr(module.Shard, "open", lambda self: (_ for _ in ()).throw(IntegrityError("rotten")))
    with pytest.warns(McgurkWarning, match="rotten"), pytest.raises(IntegrityError, match="rotten"):
        cache.prepare(Lazy(["a"]), "e", Encoder())


def test_an_encoder_that_changed_under_its_name_replaces_what_was_stored(cache):
    cache.prepare(Lazy(["a", "b"]), "e", lambda c: Dense(np.ones((len(c), 2))))
    with pytest.warns(McgurkWarning, match="all is computed again"):
        assert cache.prepare(Lazy(["a", "c"]), "e", Encoder()).values.shape == (2, 4)
    place = next(cache.folder.iterdir())
    for size in range(1, 9):
        shards.write(place, [f"k{size}"], Dense(np.ones((1, size + 10))))
    with pytest.warns(McgurkWarning):
        assert cache.prepare(Lazy(["d", "a"]), "e", Encoder()).values.shape == (2, 4)


CHILD = """
import sys, time
import numpy as np
from mcgurk.data import Dense, FeatureCache, Lazy

def compute(column):
    time.sleep(0.003 * len(column))
    return Dense(np.array([np.random.default_rng(int(t)).normal(size=64) for t in column.items]))

column = Lazy([str(i % 90) for i in range(120)])
print("start", flush=True)
FeatureCache(sys.argv[1]).prepare(column, "e", compute, chunk=6)
print("done", flush=True)
"""


def child(folder):
    return subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def numbers(column):
    return Dense(np.array([np.random.default_rng(int(t)).normal(size=64) for t in column.items]))


def test_kill_minus_nine_loses_at_most_the_shard_in_flight(tmp_path):
    """Kills at random moments after the first shard; set MCGURK_KILLS=100 for the long run."""
    column = Lazy([str(i % 90) for i in range(120)])
    clean = column_fingerprint("x", FeatureCache(tmp_path / "clean").prepare(column, "e", numbers, chunk=6))
    moment = random.Random(0)
    folder, landed, kept = tmp_path / "killed", 0, 0
    while landed < KILLS:
        process = child(folder)
        process.stdout.readline()
        before = len(list(folder.glob("*/*.json")))
        until = time.monotonic() + 20
        while len(list(folder.glob("*/*.json"))) == before and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(moment.random() * 0.08)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            landed += 1
        process.communicate()
        manifests = len(list(folder.glob("*/*.json")))
        assert manifests >= kept
        kept = manifests
        if manifests == 15:  # finished: the next kill needs work left to interrupt
            for path in sorted(folder.glob("*/*.json"))[::2]:
                path.unlink()
            kept = len(list(folder.glob("*/*.json")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = FeatureCache(folder).prepare(column, "e", numbers, chunk=6)
    assert column_fingerprint("x", again) == clean and not list(folder.glob("*/.*.tmp"))


def test_two_processes_may_write_at_once(tmp_path):
    both = [child(tmp_path) for _ in range(2)]
    for process in both:
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0 and "done" in out, error
    column = Lazy([str(i % 90) for i in range(120)])
    encoder = Encoder()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = FeatureCache(tmp_path).prepare(column, "e", encoder)
    assert encoder.asked == []
    np.testing.assert_array_equal(again.values, numbers(column).values)
