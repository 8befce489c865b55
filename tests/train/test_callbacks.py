"""Callbacks look on after every epoch."""

from __future__ import annotations

import torch
from torch import nn

from mcgurk.data import Dense
from mcgurk.run import Run
from mcgurk.train import Loader, Objective, train
from mcgurk.train.callbacks import Callback
from mcgurk.train.loop import Settings


class Falls(Objective):
    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))

    def loss(self, batch, phase, step):
        return {"place": self.place}


def test_every_callback_sees_every_epoch_after_the_held_out_rows():
    seen = []

    class Watch(Callback):
        def epoch_end(self, loop):
            seen.append((loop.epoch, len(loop.history.terms), len(loop.history.valid)))

    rows = Loader({"x": Dense(torch.zeros(4, 1).numpy())})
    train(Falls(), rows, Run(threads=1), Settings(epochs=2), valid=rows, callbacks=[Watch(), Callback(), Watch()])
    assert seen == [(0, 1, 1), (0, 1, 1), (1, 2, 2), (1, 2, 2)]
