"""Decode many files so that none of them can stop the others: separate processes, a watchdog, two strikes, rejects as records."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from mcgurk.data.limits import Limits, limits
from mcgurk.data.source import name_of
from mcgurk.errors import DataError, McgurkError, McgurkWarning, MediaError, ResourceError

_RETIRE = 500
_STRIKES = 2
_TICK = 0.5
_START = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class Reject:
    """One item that could not be decoded; a row of ``rejects.parquet``.

    Args:
        index: the item's place in the input.
        code: stable error code.
        message: what was wrong and what to do, in one sentence.
        file: the item's file name, where it has one.
    """

    index: int
    code: str
    message: str
    file: str = ""


def decode_many(
    items: Iterable[Any],
    function: Callable[[Any], Any],
    *,
    workers: int = 0,
    on_error: str = "reject",
) -> Iterator[tuple[int, Any]]:
    """Yield ``(index, function(item))`` in the order of ``items``; a bad item gives ``(index, Reject)`` instead of an exception.

    With workers, each item is decoded in a spawned process of its own kind: one that dies, hangs past ``max_seconds`` or grows past
    ``max_worker_bytes`` is replaced, its item tried once more alone and then rejected; a worker retires after 500 files. The limits in
    force are those of the caller. With ``workers=0`` everything happens in this process: quicker for trusted files, but a crash of
    the C libraries or a hang is then a crash or hang of the caller.

    Not for cheap functions: an item and its result travel through a pipe.

    Args:
        items: anything; at most four per worker are taken in advance.
        function: a function at the top level of a module that does not import torch, for it is imported anew in each worker.
        workers: number of processes.
        on_error: "reject", or "raise" to stop at the first bad item.

    Raises:
        DataError: an unknown ``on_error`` or a negative ``workers``.
        MediaError: the first bad item's, with ``on_error="raise"``: its own code, F13 the process died twice, F14 it hung twice,
            B16 it took too much memory twice.

    Example:
        >>> from mcgurk.data.image import read_image
        >>> from mcgurk.data.worker import decode_many
        >>> [(i, x.code) for i, x in decode_many([b"no picture"], read_image)]
        [(0, 'F04')]
    """
    if on_error not in ("reject", "raise"):
        raise DataError(f"on_error {on_error!r} was given; expected 'reject' or 'raise'")
    if isinstance(workers, bool) or workers < 0:
        raise DataError(f"workers {workers!r} was given; expected 0 (this process) or the number of processes")
    with contextlib.closing(_here(items, function) if workers == 0 else _there(items, function, workers)) as results:
        for index, value in results:
            if on_error == "raise" and isinstance(value, Reject):
                raise MediaError(value.message, code=value.code)
            yield index, value


def _run(function: Callable[[Any], Any], index: int, item: Any) -> Any:
    """The function's value, or the Reject its exception becomes."""
    try:
        return function(item)
    except McgurkError as error:
        return Reject(index, error.code, str(error), _file(item))
    except Exception as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return Reject(index, "F00", f"{_label(item)}: {cause}; this is an error of the function, not of the file", _file(item))


def _here(items: Iterable[Any], function: Callable[[Any], Any]) -> Generator[tuple[int, Any], None, None]:
    for index, item in enumerate(items):
        yield index, _run(function, index, item)


def _file(item: Any) -> str:
    return os.fsdecode(item) if isinstance(item, (str, os.PathLike)) else ""


def _label(item: Any) -> str:
    return name_of(item) if isinstance(item, (str, os.PathLike, bytes)) else type(item).__name__


def _serve(pipe: multiprocessing.connection.Connection, function: Callable[[Any], Any], bounds: Limits) -> None:
    """A worker's life: (index, item) in, (value, warnings) out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe.send(None)
    with bounds:
        while True:
            try:
                index, item = pipe.recv()
            except EOFError:
                return
            with warnings.catch_warnings(record=True) as noted:
                warnings.simplefilter("always", McgurkWarning)
                value = _run(function, index, item)
            said = [(str(w.message), w.message.code) for w in noted if isinstance(w.message, McgurkWarning)]
            try:
                pipe.send((value, said))
            except (TypeError, ValueError, AttributeError) as error:
                text = f"{_label(item)}: the result cannot be sent back ({error}); return arrays and plain values"
                pipe.send((Reject(index, "F00", text, _file(item)), said))


class _Worker:
    """One process, its pipe, and the task it has in hand."""

    def __init__(self, context: Any, function: Callable[[Any], Any], bounds: Limits) -> None:
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, function, bounds), daemon=True)
        self.process.start()
        there.close()
        self.task: tuple[int, Any] | None = None
        self.seconds, self.deadline, self.served, self.ready = 0.0, 0.0, 0, False

    def give(self, task: tuple[int, Any], seconds: float) -> None:
        self.task, self.seconds = task, seconds
        self.deadline = time.monotonic() + (seconds if self.ready else _START)
        self.served += 1
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # found dead when its pipe is read
            self.pipe.send(task)

    def resident(self) -> int:
        """Bytes in memory, where the system tells (Linux)."""
        try:
            with open(f"/proc/{self.process.pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            return 0

    def stop(self) -> None:
        self.pipe.close()
        if self.task is not None:
            self.process.kill()
        self.process.join(2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class _Pool:
    """Workers, strikes and results waiting for their turn."""

    def __init__(self, function: Callable[[Any], Any], workers: int) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.function, self.bounds, self.size = function, limits(), workers
        self.workers: list[_Worker] = []
        self.strikes: collections.Counter[int] = collections.Counter()
        self.waiting: collections.deque[tuple[int, Any]] = collections.deque()
        self.done: dict[int, Any] = {}

    def start(self) -> None:
        """Give waiting tasks to idle workers; retire those that have served long enough."""
        for worker in [w for w in self.workers if w.task is None and w.served >= _RETIRE]:
            self.drop(worker)
        while self.waiting:
            idle = next((w for w in self.workers if w.task is None), None)
            if idle is None and len(self.workers) < self.size:
                idle = _Worker(self.context, self.function, self.bounds)
                self.workers.append(idle)
            if idle is None:
                return
            task = self.waiting.popleft()
            idle.give(task, self.allowed(task[1]))

    def allowed(self, item: Any) -> float:
        """Seconds for one item: the limit, and for large files the time their size earns them."""
        size = 0
        if isinstance(item, bytes):
            size = len(item)
        elif isinstance(item, (str, os.PathLike)):
            with contextlib.suppress(OSError, ValueError):
                size = os.stat(item).st_size
        return self.bounds.max_seconds + size / 100_000

    def drop(self, worker: _Worker) -> None:
        worker.stop()
        self.workers.remove(worker)

    def wait(self) -> None:
        """Collect what is ready; strike what died, hangs or swells."""
        busy = [w for w in self.workers if w.task is not None]
        ready = multiprocessing.connection.wait([w.pipe for w in busy], timeout=_TICK)
        for worker in busy:
            assert worker.task is not None
            index = worker.task[0]
            if worker.pipe in ready:
                try:
                    answer = worker.pipe.recv()
                except (EOFError, OSError):
                    worker.process.join(1)
                    code = worker.process.exitcode
                    if not worker.ready:
                        raise ResourceError(
                            "a decode worker could not start; call it from a function under `if __name__ == '__main__':`, "
                            "with a decoding function at the top level of an importable module, or use workers=0",
                            code="R01",
                        ) from None
                    self.strike(worker, "F13", f"the process that decoded it died{'' if code is None else f' (exit {code})'}")
                    continue
                if not worker.ready:
                    worker.ready, worker.deadline = True, time.monotonic() + worker.seconds
                    continue
                (value, said), worker.task = answer, None
                self.done[index] = value
                for text, note in said:
                    warnings.warn(McgurkWarning(text, code=note), stacklevel=6)
            elif time.monotonic() > worker.deadline:
                self.strike(worker, "F14", f"decoding did not end within {worker.seconds:.0f} s")
            elif worker.resident() > self.bounds.max_worker_bytes:
                self.strike(worker, "B16", f"decoding took more than {self.bounds.max_worker_bytes:,} bytes of memory")

    def strike(self, worker: _Worker, code: str, cause: str) -> None:
        """Replace the worker; the item gets one more try, then it is a reject."""
        assert worker.task is not None
        index, item = worker.task
        self.drop(worker)
        self.strikes[index] += 1
        if self.strikes[index] < _STRIKES:
            self.waiting.appendleft((index, item))
            return
        text = f"{_label(item)}: {cause}, twice; leave the file out or re-encode it"
        self.done[index] = Reject(index, code, text, _file(item))


def _there(items: Iterable[Any], function: Callable[[Any], Any], workers: int) -> Generator[tuple[int, Any], None, None]:
    pool = _Pool(function, workers)
    source, turn, taken, ended = enumerate(items), 0, 0, False
    try:
        while True:
            while not ended and taken - turn < 4 * workers:
                task = next(source, None)
                if task is None:
                    ended = True
                    break
                pool.waiting.append(task)
                taken += 1
            while turn in pool.done:
                yield turn, pool.done.pop(turn)
                turn += 1
            if ended and turn == taken:
                return
            pool.start()
            if turn not in pool.done and any(w.task is not None for w in pool.workers):
                pool.wait()
    finally:
        for worker in list(pool.workers):
            pool.drop(worker)
