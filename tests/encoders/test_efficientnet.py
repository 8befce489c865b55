"""EfficientNet-Lite0 in plain torch: padding, folding, known pictures, tokens and probabilities."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from mcgurk.data import Dense, Lazy
from mcgurk.encoders import EfficientNetEncoder, assets
from mcgurk.encoders.efficientnet import Convolution, Lite0, _fold, class_names
from mcgurk.errors import DataError

needs_weights = pytest.mark.skipif(
    not (assets.installed("efficientnet") and assets.installed("imagenet-classes")), reason="weights not installed: mcgurk assets install"
)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def ball() -> bytes:
    """A shaded ball on a dark table: plain enough for the network."""
    image = Image.new("RGB", (224, 224), (40, 40, 48))
    draw = ImageDraw.Draw(image)
    for r in range(80, 0, -1):
        draw.ellipse([112 - r, 118 - r, 112 + r, 118 + r], fill=(255 - r // 2, 150 - r // 2, 10))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"), [(224, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (56, 5, 2, (1, 2)), (14, 5, 1, (2, 2))]
)
def test_padding_is_that_of_the_weights(size, kernel, stride, pads):
    """ceil(size / stride) places, and of an odd padding the larger half at the end."""
    torch.manual_seed(0)
    conv = Convolution(2, 3, kernel, stride)
    x = torch.randn(1, 2, size, size)
    wanted = nn.functional.conv2d(nn.functional.pad(x, pads * 2), conv.weight, conv.bias, stride)
    assert conv(x).shape[-1] == -(-size // stride)
    torch.testing.assert_close(conv(x), wanted)


def test_folded_normalisation_is_the_normalisation():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4, eps=1e-3)
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.1, 2)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    given = {f"c.{k}": v for k, v in conv.state_dict().items()} | {f"n.{k}": v for k, v in norm.state_dict().items()}
    folded = Convolution(3, 4, 1)
    _fold(folded, given, "c", "n")
    x = torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(folded(x), norm.eval()(conv(x)), atol=1e-5, rtol=1e-5)


def test_the_architecture_has_the_published_size():
    network = Lite0()
    norms = sum(m.out_channels for m in network.modules() if isinstance(m, Convolution))  # folding leaves one bias of two parameters
    assert sum(p.numel() for p in network.parameters()) + norms == 4_652_008
    assert network(torch.zeros(1, 224, 224, 3, dtype=torch.uint8)).shape == (1, 1280, 7, 7)


@needs_weights
def test_a_ball_is_a_ball():
    out = EfficientNetEncoder(probabilities=True).prepare(Lazy([ball()], kind="image")).values[0]
    assert out.shape == (1000,) and out.sum() == pytest.approx(1, abs=1e-4)
    assert {class_names()[i] for i in np.argsort(-out)[:3]} <= {"ping-pong ball", "balloon", "croquet ball", "orange", "lemon", "golf ball"}


@needs_weights
def test_the_grid_averages_to_the_vector():
    column = Dense(np.stack([picture(0), picture(1)]), np.array([True, False]), "image")
    pooled = EfficientNetEncoder().prepare(column)
    grid = EfficientNetEncoder(tokens=True).prepare(column)
    assert pooled.values.shape == (2, 1280) and not pooled.values[1].any()
    assert grid.lengths.tolist() == [49, 0]
    np.testing.assert_allclose(grid.row(0).mean(axis=0), pooled.values[0], atol=1e-5)
    many = EfficientNetEncoder(tokens=True).prepare(Lazy([(ball(), ball()), None], kind="image"))
    assert many.lengths.tolist() == [98, 0]


@needs_weights
def test_the_same_picture_in_any_company():
    pictures = np.stack([picture(i) for i in range(3)])
    encoder = EfficientNetEncoder()
    together = encoder.prepare(Dense(pictures, kind="image")).values
    alone = np.concatenate([encoder.prepare(Dense(pictures[i : i + 1], kind="image")).values for i in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert encoder.weights_hash() in encoder.fingerprint()


def test_one_output_at_a_time():
    with pytest.raises(DataError, match="choose one"):
        EfficientNetEncoder(tokens=True, probabilities=True).prepare(Dense(np.zeros((1, 4, 4, 3), np.uint8), kind="image"))
