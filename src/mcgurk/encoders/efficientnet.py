"""Picture vectors, the 7 x 7 grid, and class probabilities of the packaged EfficientNet-Lite0, in plain torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.data.column import Column, Dense, Ragged
from mcgurk.encoders import _frozen, assets
from mcgurk.encoders.pictures import as_steps, encode_pictures
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder

#: kernel, stride, expansion, channels out, blocks
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
SIZE, WIDTH, CLASSES, EPS = 224, 1280, 1000, 1e-3


class EfficientNetEncoder(Encoder):
    """Features of a convolutional network trained on the 1000 classes of ImageNet; the picture is resized to 224 x 224.

    pooled: mean over the last layer's 7 x 7 places; grid: these 49 vectors, row by row; probabilities: softmax of its classifier.

    Not for what the resized picture no longer shows (small print, faces in a crowd), nor for colours as such: ``image_stats``.

    Args:
        tokens: the grid as a sequence of 49 steps instead of one vector.
        probabilities: class probabilities (1000) instead of features; names from :func:`class_names`.

    Shapes: n pictures -> Dense (n, 1280) float32; with ``tokens`` Ragged (49, 1280); with ``probabilities`` Dense (n, 1000); a cell of
        several pictures -> one step a picture (49 with ``tokens``).

    Raises:
        MissingPackage: P01, the weights are not installed.
        MediaError: a picture cannot be decoded.
        DataError: both options at once.

    Source: Tan, Le 2019, EfficientNet, ICML; "Lite": without squeeze-and-excitation, ReLU6 for swish.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dense
        >>> from mcgurk.encoders import EfficientNetEncoder, assets
        >>> if assets.installed("efficientnet"):
        ...     column = Dense(np.zeros((1, 32, 32, 3), np.uint8), kind="image")
        ...     assert EfficientNetEncoder().prepare(column).values.shape == (1, 1280)
    """

    kinds = ("image",)
    scaling = "block"
    assets = ("efficientnet",)

    def __init__(self, *, tokens: bool = False, probabilities: bool = False) -> None:
        super().__init__()
        self.tokens = tokens
        self.probabilities = probabilities

    def prepare(self, column: Column) -> Dense | Ragged:
        if self.tokens and self.probabilities:
            raise DataError("tokens=True and probabilities=True were given; choose one of them")
        folder = assets.path("efficientnet")
        network = _frozen.network(folder, lambda: _load(folder))
        done = encode_pictures(column, "EfficientNetEncoder", SIZE, lambda pixels: self._encode(network, pixels))
        return as_steps(done) if self.tokens else done

    def weights_hash(self) -> str:
        return assets.weights_hash("efficientnet")

    def _encode(self, network: Lite0, pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            grid = network(torch.from_numpy(pixels).to(_frozen.device()))
            if self.tokens:
                out = grid.flatten(2).transpose(1, 2)
            else:
                pooled = grid.mean((2, 3))
                out = network.classifier(pooled).softmax(-1) if self.probabilities else pooled
        return out.cpu().numpy()


class Lite0(nn.Module):
    """EfficientNet-Lite0 up to its last feature map. Batch normalisation is folded into the convolutions.

    Shapes: (b, 224, 224, 3) uint8 -> (b, 1280, 7, 7).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 3, 2)
        blocks, width = [], 32
        for kernel, stride, expansion, out, count in STAGES:
            for i in range(count):
                blocks.append(Bottleneck(width, out, kernel, stride if i == 0 else 1, expansion))
                width = out
        self.blocks = nn.Sequential(*blocks)
        self.head = Convolution(width, WIDTH, 1)
        self.classifier = nn.Linear(WIDTH, CLASSES)

    def bottlenecks(self) -> list[Bottleneck]:
        """The blocks in order."""
        return [block for block in self.blocks if isinstance(block, Bottleneck)]

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last).float() - 127.0) / 128.0
        return F.relu6(self.head(self.blocks(F.relu6(self.stem(x)))))


class Bottleneck(nn.Module):
    """Inverted residual (Sandler et al. 2018): expand, filter each channel, project; added to the input where the shapes agree."""

    def __init__(self, width: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = width * expansion
        self.expand = Convolution(width, inner, 1) if expansion > 1 else None
        self.depthwise = Convolution(inner, inner, kernel, stride, groups=inner)
        self.project = Convolution(inner, out, 1)
        self.skip = stride == 1 and width == out

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.skip else y


class Convolution(nn.Conv2d):
    """A convolution whose output has ceil(size / stride) places; of an odd padding the larger half comes last, as the weights expect."""

    def __init__(self, width: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(width, out, kernel, stride, 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        down, across = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[-2:])
        if down == across and down % 2 == 0:
            return F.conv2d(x, self.weight, self.bias, self.stride, down // 2, 1, self.groups)
        padded = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, 1, self.groups)


def class_names() -> list[str]:
    """The 1000 class names in the order of the probabilities."""
    return json.loads((assets.path("imagenet-classes") / "names.json").read_text(encoding="utf-8"))


def _load(folder: Path) -> Lite0:
    from safetensors.torch import load_file

    given = load_file(folder / "model.safetensors")
    network = Lite0()
    _fold(network.stem, given, "_conv_stem", "_bn0")
    for i, block in enumerate(network.bottlenecks()):
        place = f"_blocks.{i}."
        if block.expand is not None:
            _fold(block.expand, given, f"{place}_expand_conv", f"{place}_bn0")
        _fold(block.depthwise, given, f"{place}_depthwise_conv", f"{place}_bn1")
        _fold(block.project, given, f"{place}_project_conv", f"{place}_bn2")
    _fold(network.head, given, "_conv_head", "_bn1")
    network.classifier.load_state_dict({"weight": given["_fc.weight"], "bias": given["_fc.bias"]})
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _fold(convolution: nn.Conv2d, given: dict[str, Tensor], conv: str, norm: str) -> None:
    """(conv(x) - mean) gain / sqrt(var + eps) + bias as one convolution."""
    gain = given[f"{norm}.weight"].double() / (given[f"{norm}.running_var"].double() + EPS).sqrt()
    weight = given[f"{conv}.weight"].double() * gain[:, None, None, None]
    bias = given[f"{norm}.bias"].double() - given[f"{norm}.running_mean"].double() * gain
    convolution.load_state_dict({"weight": weight.float(), "bias": bias.float()})
