"""Random mixed batches from the feature store against Hugging Face datasets' arrow format, and features that stay on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._rounds import Spread, cpu_rounds
from mcgurk.data import Dense
from mcgurk.data import cache as store
from mcgurk.data.cache import FeatureCache
from mcgurk.data.target import encode_target
from mcgurk.train import Loader

SEED = 0
ROWS, BATCH, BATCHES = 4000, 32, 60
WIDTHS = {"sound": 3700, "text": 300, "vision": 2048}
BAR = 3.0


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """CPU milliseconds a batch, one thread, warm page cache; and the memory a process takes that trains on more than it holds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    rounds = 15 if full else 5
    try:
        with tempfile.TemporaryDirectory() as folder:
            return {
                "protocol": f"{ROWS} rows of 300 + 3700 + 2048 float32 and a label, a fifth of each modality absent; random batches of "
                f"{BATCH} to tensors of values (zeros where absent), presence and label; memory-mapped files in a warm page cache, one "
                f"thread, median CPU time of {rounds} round-robin rounds",
                "seed": SEED,
                **compared(Path(folder), rounds),
                "larger than memory": larger(Path(folder), gigabytes=2.0 if full else 0.5),
            }
    finally:
        torch.set_num_threads(before)


def compared(folder: Path, rounds: int) -> dict[str, Any]:
    """Both stores' batches, compared value for value and timed."""
    rng = np.random.default_rng(SEED)
    present = {name: rng.random(ROWS) > 0.2 for name in WIDTHS}
    values = {name: np.where(present[name][:, None], rng.standard_normal((ROWS, w), dtype=np.float32), 0) for name, w in WIDTHS.items()}
    labels = rng.integers(0, 5, ROWS)
    ours, theirs = stored(folder, values, present, labels), arrow(folder, values, present, labels)
    orders = [rng.choice(ROWS, BATCH, replace=False) for _ in range(BATCHES)]
    equal = all(same(ours(order), theirs(order)) for order in orders[:5])
    taken = cpu_rounds({"ours": lambda: [ours(o) for o in orders], "datasets": lambda: [theirs(o) for o in orders]}, rounds)
    ratio = Spread.ratio(taken["datasets"], taken["ours"])
    return {
        "ours, ms a batch": taken["ours"].median / BATCHES,
        "datasets, ms a batch": taken["datasets"].median / BATCHES,
        "times quicker": ratio.median,
        "times quicker, quarter to quarter": [ratio.low, ratio.high],
        "bar": BAR,
        "same tensors": equal,
    }


Batches = Callable[[np.ndarray], dict[str, Any]]


def stored(folder: Path, values: Mapping[str, np.ndarray], present: Mapping[str, np.ndarray], labels: np.ndarray) -> Batches:
    """Through the feature cache, where an encoder's output lies as memory-mapped shards, and the loader."""
    store.WHOLE_BYTES = 0  # columns of this size would otherwise be held in memory
    cache = FeatureCache(folder / "features")
    columns = {}
    for name in values:
        cache.prepare(Dense(values[name], present[name]), name, lambda column: column, chunk=ROWS)
        columns[name] = cache.prepare(Dense(values[name], present[name]), name, lambda column: column, chunk=ROWS)
    loader = Loader(columns, encode_target(labels, "classifier"), batch_size=BATCH, seed=SEED)

    def batch(rows: np.ndarray) -> dict[str, Any]:
        out = loader.batch(rows)
        assert out.y is not None
        tensors = {name: (slot.values, slot.present) for name, slot in out.slots.items()}
        return {**tensors, "label": out.y}

    return batch


def arrow(folder: Path, values: Mapping[str, np.ndarray], present: Mapping[str, np.ndarray], labels: np.ndarray) -> Batches:
    """datasets in its arrow format, the quickest it has: lists of fixed size, read from a memory map without Python lists."""
    import datasets
    import pyarrow as pa

    datasets.disable_progress_bars()

    def fixed(name: str) -> Any:
        return pa.FixedSizeListArray.from_arrays(pa.array(values[name].ravel()), values[name].shape[1])

    table = pa.table({**{n: fixed(n) for n in values}, **{f"{n}_present": pa.array(present[n]) for n in values}, "label": pa.array(labels)})
    datasets.Dataset(datasets.table.InMemoryTable(table)).save_to_disk(str(folder / "arrow"))
    rows_of = datasets.load_from_disk(str(folder / "arrow")).with_format("arrow")

    def batch(rows: np.ndarray) -> dict[str, Any]:
        got = rows_of[rows.tolist()]
        out: dict[str, Any] = {"label": torch.from_numpy(got["label"].to_numpy().copy())}
        for name in values:
            flat = got[name].combine_chunks().flatten().to_numpy()
            here = got[f"{name}_present"].to_numpy()
            out[name] = torch.from_numpy(flat.reshape(len(rows), -1).copy()), torch.from_numpy(np.array(here))
        return out

    return batch


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two batches hold the same tensors."""
    return all(torch.equal(x, y) for name in WIDTHS for x, y in zip(a[name], b[name], strict=True)) and torch.equal(a["label"], b["label"])


def larger(folder: Path, gigabytes: float) -> dict[str, Any]:
    """Peak anonymous memory of a process that makes every batch of a mapped column once, its limit for columns in memory set to 64 MiB."""
    rows = int(gigabytes * 1e9 / (4 * 2048))
    path = folder / "large.npy"
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, 2048))
    for start in range(0, rows, 4096):
        mapped[start : start + 4096] = start
    mapped.flush()
    root = Path(__file__).resolve().parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", READER, str(path)], env=environment, capture_output=True, text=True, check=True)
    path.unlink()
    before, peak, batches = (int(part) for part in done.stdout.split())
    return {
        "features on disk, MB": rows * 2048 * 4 / 1e6,
        "batches": batches,
        "anonymous memory before, MB": before / 1e3,
        "anonymous memory at its peak, MB": peak / 1e3,
        "memory the data took, MB": (peak - before) / 1e3,
    }


READER = """
import re, sys
import numpy as np
from mcgurk.data import Dense
from mcgurk.train import Loader, loader
loader.IN_MEMORY = 64 << 20
def anonymous():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read()).group(1))
before = peak = anonymous()
batches = 0
for batch in Loader({"x": Dense(np.load(sys.argv[1], mmap_mode="r"))}, batch_size=256).epoch(0):
    batches += 1
    peak = max(peak, anonymous())
sys.stdout.write(f"{before} {peak} {batches}")
"""
