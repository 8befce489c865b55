"""Decode mutated files, each in a forked child of a process that never imported torch; print one JSON line of what happened.

    python hostile_runner.py SEEDS COUNT FIRST KEEP

SEEDS are names of the media factory joined by commas; COUNT mutants are spread over seeds x mutators, starting with number FIRST;
inputs that crash, hang or raise anything but a MediaError are written into KEEP.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import media_factory
import mutators
import numpy as np
from bombs import resident

from mcgurk.data.media import open_media
from mcgurk.errors import MediaError

ALARM = 20
TYPED, UNTYPED = 3, 4


def decode(data: bytes, seed: str) -> int:
    """Exit status of one child."""
    signal.alarm(ALARM)
    options = {"n_frames": 8} if seed in media_factory.VIDEOS and len(data) % 2 else {}
    kind = "video" if seed in media_factory.VIDEOS else None
    try:
        found = open_media(data, kind=kind, **options)
        touch(found)
    except MediaError as error:
        return TYPED if error.code[0] in "FB" and len(str(error)) < 600 else UNTYPED
    except BaseException:
        traceback.print_exc()
        return UNTYPED
    return 0


def touch(found: object) -> None:
    """What was decoded keeps its promises: types, shapes, no NaN."""
    for name in ("samples", "frames", "times"):
        values = getattr(found, name, None)
        if values is not None and not np.isfinite(values).all():
            raise AssertionError(f"{name} are not finite")
    frames = getattr(found, "frames", None)
    if frames is not None and not (frames.dtype == np.uint8 and frames.ndim == 4 and len(frames) == len(found.times)):
        raise AssertionError(f"frames {frames.dtype} {frames.shape}")


def child(data: bytes, seed: str, log: int) -> tuple[int, int]:
    """(wait status, bytes of memory it grew by) of a forked decoder."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(log, 1)
        os.dup2(log, 2)
        before = resident("VmRSS")
        status = decode(data, seed)
        os.write(writer, str(resident("VmHWM") - before).encode())
        os._exit(status)
    os.close(writer)
    _, status = os.waitpid(pid, 0)
    grown = int(os.read(reader, 32) or 0)
    os.close(reader)
    return status, grown


def main(seeds: list[str], count: int, first: int, keep: Path) -> dict[str, object]:
    warnings.simplefilter("ignore")
    if "torch" in sys.modules:
        raise SystemExit("torch was imported")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    keep.mkdir(parents=True, exist_ok=True)
    log = os.open(keep / "stderr.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for name in seeds:  # seeds and codecs are loaded once, here
        open_media(media_factory.seed(name))
    outcomes: Counter[str] = Counter()
    failures, peak, slowest, started = [], 0, 0.0, time.monotonic()
    pairs = itertools.cycle(itertools.product(seeds, mutators.MUTATORS))
    for number, (seed, mutator) in enumerate(itertools.islice(pairs, count)):
        data = mutators.mutate(mutator, seed, first + number, media_factory.seed(seed))
        begun = time.monotonic()
        status, extra = child(data, seed, log)
        slowest, peak = max(slowest, time.monotonic() - begun), max(peak, extra)
        how = "decoded" if status == 0 else "refused" if status == TYPED << 8 else "untyped" if status == UNTYPED << 8 else "signal"
        how = "hang" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM else how
        outcomes[how] += 1
        if how in ("untyped", "signal", "hang") or extra > 300 << 20:
            place = keep / f"{seed}-{mutator}-{first + number}.bin"
            place.write_bytes(data)
            failures.append(f"{how} {place.name} status {status} extra {extra >> 20} MB")
    return {
        "files": count,
        **{key: outcomes[key] for key in ("decoded", "refused", "untyped", "signal", "hang")},
        "peak_extra_mb": peak >> 20,
        "slowest_s": round(slowest, 3),
        "seconds": round(time.monotonic() - started, 1),
        "failures": failures,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))))
