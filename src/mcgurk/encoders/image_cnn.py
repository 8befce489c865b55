"""A small convolutional network that trains with the model, for pictures that no packaged network has seen the like of."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from mcgurk.data.column import Column, Dense, Ragged
from mcgurk.data.spec import ColumnSpec
from mcgurk.encoders.pictures import encode_pictures
from mcgurk.errors import DataError
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Encoder
from mcgurk.nn.masked import clean


class ImageCNN(Encoder):
    """Stages of 3 x 3 convolution with stride 2, group normalisation and ReLU; then the mean over places and a linear layer.

    x_0 = pixels / 127.5 - 1;  x_s = relu(norm(conv_s(x_{s-1}))), channels ``channels[s]``;  z = W mean_places(x_S) + b

    Groups, not batches, are normalised: a row's output does not depend on the other rows. Not for fewer than some hundred pictures of
    ordinary things: ``efficientnet``.

    Args:
        size: side the pictures are resized to; what is cached are their bytes.
        channels: of each stage; every stage halves the side.
        width: of the output.

    Shapes: n pictures -> prepared uint8 (n, size, size, 3); Slot -> (B, width), or (B, T, width) for cells of several pictures.

    Raises:
        DataError: more stages than the side has halves.
        MediaError: a picture cannot be decoded.

    Source: LeCun et al. 1998, Proceedings of the IEEE 86(11); Wu, He 2018, Group Normalization, ECCV.

    Example:
        >>> import numpy as np, torch
        >>> from mcgurk.data import ColumnSpec, Dense
        >>> from mcgurk.encoders import ImageCNN
        >>> from mcgurk.nn import Slot
        >>> encoder = ImageCNN(size=16, channels=(8,), width=4)
        >>> column = encoder.prepare(Dense(np.zeros((2, 20, 30, 3), np.uint8), kind="image"))
        >>> encoder.build(ColumnSpec.of(column))
        >>> encoder(Slot(torch.from_numpy(column.values), torch.tensor([True, True]))).values.shape
        torch.Size([2, 4])
    """

    kinds = ("image",)
    trains = True

    def __init__(self, *, size: int = 64, channels: tuple[int, ...] = (16, 32, 64, 64), width: int = 64) -> None:
        super().__init__()
        self.size = size
        self.channels = channels
        self.width = width

    def prepare(self, column: Column) -> Dense | Ragged:
        return replace(encode_pictures(column, "ImageCNN", self.size, lambda pixels: pixels), kind="image")

    def build(self, spec: ColumnSpec) -> None:
        if not self.channels or 2 ** len(self.channels) > self.size:
            raise DataError(
                f"{len(self.channels)} stages halve a side of {self.size} too often; give 1 to {self.size.bit_length() - 1} channels"
            )
        stages: list[nn.Module] = []
        for given, made in zip((3, *self.channels[:-1]), self.channels):
            groups = max(g for g in (1, 2, 4, 8) if made % g == 0)
            stages += [nn.Conv2d(given, made, 3, stride=2, padding=1), nn.GroupNorm(groups, made), nn.ReLU()]
        self.stages = nn.Sequential(*stages)
        self.linear = nn.Linear(self.channels[-1], self.width)
        self.out = SlotSpec((self.width,), spec.sequence)

    def forward(self, slot: Slot) -> Slot:
        pixels = clean(slot).values
        flat = self._encode(pixels.reshape(-1, *pixels.shape[-3:]))
        return clean(slot.with_values(flat.reshape(*pixels.shape[:-3], self.width)))

    def _encode(self, pixels: Tensor) -> Tensor:
        x = pixels.permute(0, 3, 1, 2).to(self.linear.weight.dtype) / 127.5 - 1
        return self.linear(torch.mean(self.stages(x), dim=(2, 3)))
