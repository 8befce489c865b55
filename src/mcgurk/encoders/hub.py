"""Models in the Hugging Face format as frozen encoders of text, pictures and sound."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.encoders.cells import batches, lazy_of, per_item, scatter, texts
from mcgurk.encoders.hub_models import HubModel, digest, load, locate, on_device
from mcgurk.encoders.pictures import as_steps, encode_pictures
from mcgurk.encoders.sounds import SoundEncoder, Steps
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder

_BUDGET = 4096  # tokens a batch, padding included
_POOLS = ("auto", "mean", "first")


class HubEncoder(Encoder):
    """The features of any encoder that the package transformers can build, for columns of text, pictures or sound.

    With pool="auto": where a model has several towers (CLIP, SigLIP, CLAP) their shared space, so that columns of different kinds can be
    compared; else the mean over tokens or frames; for pictures the class token where the model has one, else the mean over places.

    Only safetensors are read, only classes that transformers itself brings are built, and nothing is fetched unless ``allow_download`` is
    given: ``model`` is a folder, or the name of a model that was fetched before. What a model's processor cuts off is not read. Not for
    models whose features need a prompt or a decoder.

    Args:
        model: a folder with config.json, model.safetensors and the processor's files; or a name on the hub.
        pool: "auto", "mean" or "first".
        tokens: the last layer's vectors as a sequence instead.
        max_tokens: texts are cut there; None takes the model's own limit.
        revision: of a hub name: a branch, tag or commit.
        allow_download: fetch a hub name that is not on this machine.

    Shapes: n items -> Dense (n, d) float32; with ``tokens`` Ragged (T, d); a cell of several items -> one step an item. An empty text or
        sound is zeros, or of length 0.

    Raises:
        MissingPackage: P01, transformers is not installed.
        StoreError: P03, the model is not here or cannot be loaded safely.
        DataError: no model given; an unknown pool.

    Source: Wolf et al. 2020, Transformers, EMNLP; shared spaces: Radford et al. 2021, CLIP, ICML.

    Example:
        >>> from mcgurk.encoders import HubEncoder
        >>> HubEncoder("models/clip", tokens=True)
        HubEncoder(model='models/clip', tokens=True)
    """

    kinds = ("text", "image", "audio")
    scaling = "block"
    machine_only = ("allow_download",)

    def __init__(
        self,
        model: str = "",
        *,
        pool: str = "auto",
        tokens: bool = False,
        max_tokens: int | None = None,
        revision: str | None = None,
        allow_download: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.pool = pool
        self.tokens = tokens
        self.max_tokens = max_tokens
        self.revision = revision
        self.allow_download = allow_download

    def prepare(self, column: Column) -> Dense | Ragged:
        if self.pool not in _POOLS:
            raise DataError(f"pool={self.pool!r} was given; expected one of {', '.join(_POOLS)}")
        if column.kind not in self.kinds:
            raise DataError(f"HubEncoder reads columns of kind {', '.join(self.kinds)}; got {column.kind}")
        model = load(locate(self.model, self.revision, self.allow_download), column.kind)
        if column.kind == "text":
            return per_item(lazy_of(column, "HubEncoder", "text"), partial(self._texts, model))
        if column.kind == "image":
            done = encode_pictures(column, "HubEncoder", None, partial(self._pictures, model))
            return as_steps(done) if self.tokens else done
        return _Sounds(model, self.tokens, self.pool).prepare(column)

    def weights_hash(self) -> str:
        return digest(locate(self.model, self.revision, self.allow_download))

    def _texts(self, model: HubModel, column: Lazy) -> Dense | Ragged:
        items = texts(column)
        tokenizer = model.processor
        coded = tokenizer(items or [""], truncation=True, max_length=self._limit(model), return_special_tokens_mask=True)
        ids, special = coded["input_ids"][: len(items)], coded["special_tokens_mask"]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        out: list[Any] = [None] * len(items)
        for rows in batches(np.argsort(lengths, kind="stable"), lengths, _BUDGET):
            inputs = on_device(tokenizer.pad({"input_ids": [ids[i] for i in rows]}, return_tensors="pt"))
            for i, vectors in zip(rows, self._text_batch(model, inputs)):
                blank = not items[i].strip()
                out[i] = vectors[: lengths[i]][np.array(special[i]) == 0][: 0 if blank else None] if self.tokens else vectors * (not blank)
        if self.tokens:
            return _sequences(out, column, self._width(model))
        return scatter(np.stack(out) if out else np.zeros((0, self._width(model)), np.float32), column.present)

    def _text_batch(self, model: HubModel, inputs: dict[str, torch.Tensor]) -> np.ndarray:
        with torch.inference_mode():
            if not self.tokens and self.pool == "auto" and model.projects:
                return model.projected(inputs).cpu().numpy()
            states = model.hidden(inputs)
            if self.tokens:
                return states.cpu().numpy()
            if self.pool == "first":
                return states[:, 0].cpu().numpy()
            valid = inputs["attention_mask"][..., None].to(states.dtype)
            return ((states * valid).sum(dim=1) / valid.sum(dim=1).clamp(min=1)).cpu().numpy()

    def _pictures(self, model: HubModel, pictures: list[np.ndarray]) -> np.ndarray:
        inputs = on_device(model.processor(images=pictures, return_tensors="pt"))
        with torch.inference_mode():
            if not self.tokens and self.pool == "auto" and model.projects:
                return model.projected(inputs).cpu().numpy()
            states = model.hidden(inputs)
            if not self.tokens:
                first = self.pool == "first" or (self.pool == "auto" and model.leads)
                states = states[:, 0] if first else states.mean(dim=1)
        return states.cpu().numpy()

    def _limit(self, model: HubModel) -> int:
        settings = model.network.config
        settings = getattr(settings, "text_config", settings)
        limits = [model.processor.model_max_length, getattr(settings, "max_position_embeddings", None) or 512, self.max_tokens or 10**9]
        return int(min(limits))

    def _width(self, model: HubModel) -> int:
        probe = on_device(model.processor(["x"], return_tensors="pt"))
        return int(self._text_batch(model, {k: v for k, v in probe.items() if k in ("input_ids", "attention_mask")}).shape[-1])


class _Sounds(SoundEncoder):
    """A sound at a time, so that no padding enters; sounds longer than the model's window are read window by window."""

    def __init__(self, model: HubModel, tokens: bool, pool: str) -> None:
        super().__init__()
        self.model, self.tokens, self.pool = model, tokens, pool
        self.rate = int(model.processor.sampling_rate)

    @property
    def width(self) -> int:
        return int(self._window(np.zeros(self.rate, np.float32)).shape[-1])

    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        size = getattr(self.model.processor, "n_samples", None) or max(len(samples), 1)
        windows = [samples[start : start + size] for start in range(0, len(samples), size)]
        parts = [self._window(window) for window in windows if len(window) >= self.rate // 40]
        if not self.tokens:
            if not parts:
                return np.zeros(self.width, np.float32)
            return np.average([part.mean(axis=0) for part in parts], axis=0, weights=[len(part) for part in parts]).astype(np.float32)
        steps = np.concatenate(parts) if parts else np.zeros((0, self.width), np.float32)
        return steps, (np.arange(len(steps)) + 0.5) * (len(samples) / self.rate / max(len(steps), 1))

    def _window(self, samples: np.ndarray) -> np.ndarray:
        """(T, d) vectors of the window's own part, or the one vector of a shared space."""
        inputs = on_device(self.model.processor(samples, sampling_rate=self.rate, return_tensors="pt"))
        with torch.inference_mode():
            if not self.tokens and self.pool == "auto" and self.model.projects:
                return self.model.projected(inputs).cpu().numpy()
            states = self.model.hidden(inputs)[0]
        padded = getattr(self.model.processor, "n_samples", None) or len(samples)
        states = states[: -(-states.shape[0] * len(samples) // padded)]
        return (states[:1] if self.pool == "first" and not self.tokens else states).cpu().numpy()


def _sequences(rows: list[np.ndarray], column: Lazy, width: int) -> Ragged:
    lengths = np.zeros(len(column), dtype=np.int64)
    lengths[column.present] = [len(row) for row in rows]
    steps = np.concatenate([np.zeros((0, width), np.float32), *rows])
    return Ragged(steps, np.concatenate([[0], np.cumsum(lengths)]), column.present, None, "series")
