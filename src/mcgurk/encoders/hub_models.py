"""Foreign model folders: found on this machine first, read as safetensors only, never running their code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mcgurk._lazy import optional
from mcgurk.encoders import _frozen
from mcgurk.errors import DataError, StoreError
from mcgurk.files import sha256_file

FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
_PURPOSE = "a model in the Hugging Face format"
_TOWERS = {"text": "text_model", "image": "vision_model", "audio": "audio_model"}


@dataclass(frozen=True)
class HubModel:
    """A frozen network and what prepares its input, both for one kind of column."""

    kind: str
    network: nn.Module
    processor: Any

    @property
    def projects(self) -> bool:
        """Whether several towers meet in a shared space, as in CLIP."""
        return hasattr(self.network, _TOWERS[self.kind]) and hasattr(self.network, f"get_{self.kind}_features")

    def projected(self, inputs: dict[str, Tensor]) -> Tensor:
        """(b, d) in the shared space of the towers."""
        out = getattr(self.network, f"get_{self.kind}_features")(**inputs)
        return out if isinstance(out, Tensor) else out.pooler_output

    def hidden(self, inputs: dict[str, Tensor]) -> Tensor:
        """(b, T, d): the last layer's vectors; of a feature map, its places row by row."""
        network: Any = self.network
        if self.projects:
            network = getattr(network, _TOWERS[self.kind])
        elif getattr(network.config, "is_encoder_decoder", False):
            network = network.get_encoder()
        out = network(**inputs)
        states = out.last_hidden_state if hasattr(out, "last_hidden_state") else out[0]
        return states.flatten(2).transpose(1, 2) if states.dim() == 4 else states

    @property
    def leads(self) -> bool:
        """Whether the first vector stands for the whole picture."""
        return any(name.endswith(("cls_token", "class_embedding")) for name, _ in self.network.named_parameters())


def locate(model: str, revision: str | None, allow_download: bool) -> Path:
    """The folder of ``model``: a folder as it is; otherwise a copy that an earlier download left here; with ``allow_download`` a new one.

    Raises:
        DataError: no name was given.
        StoreError: P03, it is not on this machine, or cannot be fetched.
    """
    if not model:
        raise DataError("the hub encoder needs a model; give model=, a folder or a name such as 'sentence-transformers/all-MiniLM-L6-v2'")
    if Path(model).expanduser().is_dir():
        return Path(model).expanduser().resolve()
    hub = optional("huggingface_hub", "hub", _PURPOSE)
    try:
        return Path(hub.snapshot_download(model, revision=revision, allow_patterns=FILES, local_files_only=not allow_download))
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        remedy = "check the name and the network" if allow_download else "give its folder, or allow_download=True to fetch it"
        said = " ".join(str(error).split())[:160]
        raise StoreError(
            f"the model {model!r} is neither a folder nor on this machine; {remedy} ({type(error).__name__}: {said})", code="P03"
        ) from error


def load(folder: Path, kind: str) -> HubModel:
    """Network and processor of a model folder.

    Raises:
        MissingPackage: P01, transformers is not installed.
        StoreError: P03, the folder holds no such model, no safetensors, or asks for code of its own.
    """
    transformers = optional("transformers", "hub", _PURPOSE)
    safe = {"local_files_only": True, "trust_remote_code": False}

    def make() -> nn.Module:
        return transformers.AutoModel.from_pretrained(folder, use_safetensors=True, **safe)

    try:
        network = _frozen.network((str(folder), digest(folder)), make)
        return HubModel(kind, network, _processor(folder, kind, digest(folder)))
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise StoreError(
            f"{folder.name} cannot be loaded for {kind} ({type(error).__name__}: {said}); "
            f"it needs config.json, model.safetensors and the files of its {kind} processor, and no code of its own",
            code="P03",
        ) from error


@cache
def _processor(folder: Path, kind: str, content: str) -> Any:
    transformers = optional("transformers", "hub", _PURPOSE)
    safe = {"local_files_only": True, "trust_remote_code": False}
    if kind == "text":
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        return tokenizer
    if kind == "audio":
        return transformers.AutoFeatureExtractor.from_pretrained(folder, **safe)
    # the same pixels with and without torchvision
    pillow = {"backend": "pil"} if int(transformers.__version__.split(".")[0]) >= 5 else {"use_fast": False}
    return transformers.AutoImageProcessor.from_pretrained(folder, **pillow, **safe)


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the folder's weights, tables and settings."""
    files = sorted({file for pattern in FILES for file in folder.glob(pattern)})
    if not any(file.suffix == ".safetensors" for file in files):
        raise StoreError(f"{folder} holds no .safetensors file; other weight formats may run code: convert the model", code="P03")
    return _digest(tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@cache
def _digest(files: tuple[tuple[str, int, int], ...]) -> str:
    state = hashlib.sha256()
    for name, _, _ in files:
        state.update(f"{Path(name).name} {sha256_file(name)}\n".encode())
    return state.hexdigest()


def on_device(inputs: Any) -> dict[str, Tensor]:
    """A processor's tensors where frozen networks run."""
    return {name: torch.as_tensor(value).to(_frozen.device()) for name, value in inputs.items()}
