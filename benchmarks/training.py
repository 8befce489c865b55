"""The training loop beside a plain torch loop over a DataLoader and skorch: the same network, the same data, CPU time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmarks._rounds import Spread, cpu_rounds
from mcgurk.data import Dense
from mcgurk.data.column import Column
from mcgurk.data.target import encode_target
from mcgurk.fusion import Concat
from mcgurk.nn import Encoder, MLPHead, Slot, SlotSpec
from mcgurk.run import Run
from mcgurk.train import Loader, Supervised, features, train
from mcgurk.train.loop import Settings

SEED = 0
WIDTHS = {"sound": 74, "text": 300, "vision": 35}
HIDDEN = 64
ROWS = 8192
BARS = {"complete": {"dataloader": 1.8, "skorch": 2.2}, "masked": {"dataloader": 1.5, "skorch": 1.8}}


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Rows a CPU second for every loop, and how many times quicker ours is, for complete rows and for rows with absent modalities."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            "protocol": f"one epoch over {ROWS} rows of 300 + 74 + 35 numbers; a linear layer of {HIDDEN} units a modality, concatenated, "
            f"one hidden layer of {HIDDEN}, two classes, Adam; one thread, median CPU time of {rounds(full)} round-robin rounds with its "
            "spread; masked: a fifth of each modality absent, presence given to every loop and applied by selection",
            "seed": SEED,
            **{case: compared(case, batch, full) for case, batch in (("complete", 32), ("masked", 32))},
            **{f"{case}, batch 256": compared(case, 256, full) for case in ("complete", "masked")},
        }
    finally:
        torch.set_num_threads(before)


def rounds(full: bool) -> int:
    return 15 if full else 5


def compared(case: str, batch: int, full: bool) -> dict[str, Any]:
    """All loops on one kind of data."""
    columns, labels = data(masked=case == "masked")
    spread = cpu_rounds(
        {
            "ours": ours(columns, labels, batch),
            "dataloader": plain(columns, labels, batch),
            "skorch": skorch(columns, labels, batch),
        },
        rounds(full),
    )
    out: dict[str, Any] = {f"{name}, rows a CPU second": round(ROWS / taken.median * 1e3) for name, taken in spread.items()}
    for name in ("dataloader", "skorch"):
        ratio = Spread.ratio(spread[name], spread["ours"])
        out[f"times quicker than {name}"] = ratio.median
        out[f"times quicker than {name}, quarter to quarter"] = [ratio.low, ratio.high]
        if batch == 32:
            out[f"bar against {name}"] = BARS[case][name]
    return out


def data(masked: bool) -> tuple[dict[str, Dense], np.ndarray]:
    """Gaussian features and two classes that two of them determine."""
    rng = np.random.default_rng(SEED)
    values = {name: rng.standard_normal((ROWS, width), dtype=np.float32) for name, width in WIDTHS.items()}
    labels = (values["text"][:, 0] + values["sound"][:, 0] > 0).astype(np.int64)
    present = {name: rng.random(ROWS) > 0.2 if masked else np.ones(ROWS, dtype=bool) for name in WIDTHS}
    return {name: Dense(np.where(present[name][:, None], values[name], 0), present[name]) for name in WIDTHS}, labels


class Layer(Encoder):
    """One linear layer and a ReLU."""

    trains = True

    def build(self, spec: Any) -> None:
        self.layer = nn.Linear(spec.item[0], HIDDEN)
        self.out = SlotSpec((HIDDEN,))

    def forward(self, slot: Slot) -> Slot:
        return slot.with_values(F.relu(self.layer(slot.values)))


def ours(columns: dict[str, Dense], labels: np.ndarray, batch: int) -> Any:
    """The library's own loop: its loader, its objective, its checks."""
    target = encode_target(labels, "classifier").with_statistics()
    objective = Supervised(
        {name: Layer() for name in columns},
        features.specs(dict[str, Column](columns)),
        Concat(balance=False, flags=False),
        MLPHead((HIDDEN,)),
        target.spec,
    )
    loader = Loader(columns, target, batch_size=batch, seed=SEED)
    return lambda: train(objective, loader, Run(SEED, threads=1), Settings(epochs=1, optim=("adam", 1e-3)))


class Net(nn.Module):
    """The same network, as one writes it without a library."""

    def __init__(self) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({name: nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU()) for name, width in WIDTHS.items()})
        self.head = nn.Sequential(nn.Linear(HIDDEN * len(WIDTHS), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))

    def forward(self, **inputs: Tensor) -> Tensor:
        parts = []
        for name, encoder in self.encoders.items():
            part = encoder(inputs[name])
            if f"{name}_present" in inputs:
                part = torch.where(inputs[f"{name}_present"][:, None], part, torch.zeros((), dtype=part.dtype))
            parts.append(part)
        return self.head(torch.cat(parts, dim=1))


class Rows(TorchDataset):  # type: ignore[type-arg]
    """One row at a time, as a DataLoader wants them."""

    def __init__(self, columns: dict[str, Dense], labels: np.ndarray) -> None:
        self.inputs = {name: torch.from_numpy(array) for name, array in arrays(columns).items()}
        self.labels = torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[dict[str, Tensor], Tensor]:
        return {name: tensor[row] for name, tensor in self.inputs.items()}, self.labels[row]


def arrays(columns: dict[str, Dense]) -> dict[str, np.ndarray]:
    """Values, and presence where something is absent."""
    out = {name: column.values for name, column in columns.items()}
    return out | {f"{name}_present": column.present for name, column in columns.items() if not column.present.all()}


def plain(columns: dict[str, Dense], labels: np.ndarray, batch: int) -> Any:
    """The loop of every tutorial."""
    rows = Rows(columns, labels)
    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)

    def epoch() -> None:
        for inputs, truth in DataLoader(rows, batch, shuffle=True):
            optimiser.zero_grad()
            F.cross_entropy(net(**inputs), truth).backward()
            optimiser.step()

    return epoch


def skorch(columns: dict[str, Dense], labels: np.ndarray, batch: int) -> Any:
    """skorch's classifier around the same network."""
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        Net, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=1e-3, max_epochs=1, batch_size=batch, train_split=None, verbose=0
    )
    inputs = arrays(columns)
    return lambda: net.fit(inputs, labels)
