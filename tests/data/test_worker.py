"""Many files: order, rejects, warnings; dead, hanging and swelling workers; retirement."""

from __future__ import annotations

import sys
from pathlib import Path

import decoders_for_workers
import media_factory
import pytest
from decoders_for_workers import behave

from mcgurk.data import worker
from mcgurk.data.image import read_image
from mcgurk.data.limits import limits
from mcgurk.data.worker import Reject, decode_many
from mcgurk.errors import DataError, McgurkWarning, MediaError, ResourceError

assert decoders_for_workers.__file__


@pytest.mark.parametrize("workers", [0, 2])
def test_order_rejects_and_warnings(workers: int) -> None:
    items = ["a", "bad", "b", "bug", "warn", "c"]
    with pytest.warns(McgurkWarning, match="noticed") as caught:
        found = list(decode_many(items, behave, workers=workers))
    assert [i for i, _ in found] == list(range(6))
    assert [x for _, x in found if not isinstance(x, Reject)] == ["A", "B", "WARN", "C"]
    rejects = {x.index: x for _, x in found if isinstance(x, Reject)}
    assert rejects[1] == Reject(1, "F05", "x: broken; mend it", "bad")
    assert rejects[3].code == "F00" and "ZeroDivisionError: one over none" in rejects[3].message
    assert caught[0].message.code == "F06"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_two_strikes(tmp_path: Path) -> None:
    items = ["a", "die", "b", f"die_once:{tmp_path / 'mark'}", "hang", "c", "swell", "d", "lambda"]
    with limits(max_seconds=3, max_worker_bytes=300 << 20):  # on a loaded machine a worker needs a moment to swell
        found = dict(decode_many(items, behave, workers=2))
    assert [found[i] for i in (0, 2, 5, 7)] == ["A", "B", "C", "D"]
    assert found[3] == items[3].upper()
    assert [found[i].code for i in (1, 4, 6, 8)] == ["F13", "F14", "B16", "F00"]
    assert "exit 7" in found[1].message and "twice" in found[4].message


def test_workers_know_the_limits_retire_and_have_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_RETIRE", 3)
    with limits(max_pixels=77):
        states = [value for _, value in decode_many(["state"] * 7, behave, workers=1)]
    assert len({pid for pid, _, _ in states}) == 3
    assert {(torch, pixels) for _, torch, pixels in states} == {(False, 77)}


def test_items_are_taken_as_needed_and_workers_end() -> None:
    taken = []

    def items() -> object:
        for k in range(10_000):
            taken.append(k)
            yield "a"

    results = decode_many(items(), behave, workers=1)
    assert next(results) == (0, "A")
    results.close()
    assert len(taken) <= 8


def test_real_decoders_travel() -> None:
    items = [media_factory.seed("png"), b"no picture", media_factory.seed("jpg")]
    found = [x for _, x in decode_many(items, read_image, workers=1)]
    assert found[0].shape == found[2].shape == (64, 96, 3)
    assert found[1].code == "F04" and found[1].file == ""


def test_raise() -> None:
    with pytest.raises(MediaError, match="broken") as caught:
        list(decode_many(["a", "bad", "b"], behave, on_error="raise"))
    assert caught.value.code == "F05"


def test_a_worker_that_cannot_start() -> None:
    class Unreadable:
        def __reduce__(self) -> object:
            return (__import__, ("no_such_module_anywhere",))

        def __call__(self, item: object) -> object:
            return item

    with pytest.raises(ResourceError, match="could not start") as caught:
        list(decode_many(["a"], Unreadable(), workers=1))
    assert caught.value.code == "R01"


@pytest.mark.parametrize("options", [{"on_error": "ignore"}, {"workers": -1}, {"workers": True}])
def test_impossible_options(options: dict[str, object]) -> None:
    with pytest.raises(DataError):
        list(decode_many([], behave, **options))
