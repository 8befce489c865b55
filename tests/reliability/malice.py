"""Model files made to do harm. ``python malice.py FOLDER`` loads each in a forked child and prints what happened as JSON.

An attack is ``NAME: (expected code, function(folder) -> path of the file)``. What it would do if it ran is to make the file ``canary`` in
its folder. Checksums are right wherever an attacker can make them right: they guard against damage, not against malice.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bombs import measured

from mcgurk import FusionClassifier, config
from mcgurk.errors import McgurkError
from mcgurk.store import load
from mcgurk.tensorfile import digest, read_tensors, write_tensors

Make = Callable[[Path], Path]
ATTACKS: dict[str, tuple[str, Make]] = {}
_sound: dict[str, bytes] = {}


def attack(code: str) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        ATTACKS[make.__name__] = (code, make)
        return make

    return add


def written(folder: Path, data: bytes, name: str = "model.mcgurk") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


# Pickles under other names.


class Exploit:
    """Unpickled, it makes the canary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.folder / 'canary'}",)


@attack("S07")
def a_pickle(folder: Path) -> Path:
    return written(folder, pickle.dumps(Exploit(folder), protocol=4))


@attack("S07")
def an_old_pickle(folder: Path) -> Path:
    return written(folder, pickle.dumps(Exploit(folder), protocol=0), "model.joblib")


@attack("S07")
def a_torch_archive(folder: Path) -> Path:
    import torch

    torch.save({"state": Exploit(folder)}, folder / "model.pt")
    return folder / "model.pt"


@attack("S07")
def an_array_of_objects(folder: Path) -> Path:
    out = io.BytesIO()
    np.save(out, np.array([Exploit(folder)], dtype=object), allow_pickle=True)
    return written(folder, out.getvalue(), "model.npy")


@attack("S07")
def a_skops_archive(folder: Path) -> Path:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("schema.json", json.dumps({"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}))
    return written(folder, out.getvalue(), "model.skops")


@attack("S05")
def a_pickle_in_an_array(folder: Path) -> Path:
    """Bytes are numbers: nothing takes them for more."""
    return forged(folder, {"model": np.frombuffer(pickle.dumps(Exploit(folder)), dtype=np.uint8)}, {"$tensor": "model"})


# Headers.


def headed(folder: Path, header: Any, body: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return written(folder, struct.pack("<Q", len(text)) + text + body)


def described(**arrays: dict[str, Any]) -> dict[str, Any]:
    return {"__metadata__": {"manifest": "{}", "sha256": digest({}, "{}")}, **arrays}


@attack("S07")
def a_header_of_all_memory(folder: Path) -> Path:
    return written(folder, struct.pack("<Q", 2**63 - 1) + b"{}" * 50)


@attack("S07")
def a_header_longer_than_the_file(folder: Path) -> Path:
    return written(folder, struct.pack("<Q", 5000) + b"{}" * 50)


@attack("S07")
def negative_offsets(folder: Path) -> Path:
    return headed(folder, described(a={"dtype": "U8", "shape": [8], "data_offsets": [-8, 0]}))


@attack("S07")
def overlapping_offsets(folder: Path) -> Path:
    part = {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}
    return headed(folder, described(a=part, b=part), b"\0" * 8)


@attack("S07")
def offsets_past_the_end(folder: Path) -> Path:
    return headed(folder, described(a={"dtype": "U8", "shape": [4096], "data_offsets": [0, 4096]}), b"\0" * 8)


@attack("S07")
def more_items_than_bytes(folder: Path) -> Path:
    return headed(folder, described(a={"dtype": "F64", "shape": [1 << 20], "data_offsets": [0, 8]}), b"\0" * 8)


@attack("S07")
def a_shape_that_overflows(folder: Path) -> Path:
    return headed(folder, described(a={"dtype": "F64", "shape": [2**60, 2**60], "data_offsets": [0, 0]}))


@attack("S07")
def a_type_that_is_none(folder: Path) -> Path:
    return headed(folder, described(a={"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 8]}), b"\0" * 8)


@attack("S07")
def keys_that_repeat(folder: Path) -> Path:
    part = b'"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}'
    return headed(folder, json.dumps(described())[:-1].encode() + b"," + part + b"," + part + b"}", b"\0" * 8)


@attack("S07")
def a_deep_header(folder: Path) -> Path:
    return headed(folder, b"[" * 200_000)


@attack("S07")
def a_deep_manifest(folder: Path) -> Path:
    text = '{"model":' + "[" * 100_000 + "]" * 100_000 + "}"
    return headed(folder, {"__metadata__": {"manifest": text, "sha256": digest({}, text)}})


# Files that are none.


@attack("S07")
def a_long_empty_file(folder: Path) -> Path:
    with open(folder / "model.mcgurk", "wb") as handle:
        handle.write(struct.pack("<Q", 2) + b"{}")
        handle.truncate(1 << 40)
    return folder / "model.mcgurk"


@attack("S03")
def a_link_to_a_device(folder: Path) -> Path:
    (folder / "model.mcgurk").symlink_to("/dev/zero")
    return folder / "model.mcgurk"


@attack("S03")
def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "model.mcgurk")
    return folder / "model.mcgurk"


@attack("S03")
def a_loop_of_links(folder: Path) -> Path:
    (folder / "model.mcgurk").symlink_to(folder / "model.mcgurk")
    return folder / "model.mcgurk"


# Manifests.


def sound(fusion: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and manifest of an honest model."""
    if fusion not in _sound:
        rng = np.random.default_rng(0)
        X = {"a": rng.normal(size=(30, 2)), "b": rng.normal(size=(30, 2))}
        path = Path(os.environ["MALICE_FOLDER"]) / f"{fusion}.mcgurk"
        encoders = {"vector": "precomputed"}
        FusionClassifier(fusion, encoders=encoders, epochs=1, hidden=(4,)).fit(X, np.arange(30) % 2).save(path)
        _sound[fusion] = path.read_bytes()
        path.unlink()
    path = Path(os.environ["MALICE_FOLDER"]) / "sound"
    path.write_bytes(_sound[fusion])
    out = read_tensors(path)
    path.unlink()
    return out


def forged(folder: Path, tensors: dict[str, np.ndarray], model: Any, **others: Any) -> Path:
    manifest = {"kind": "mcgurk-model", "format": 1, "model": model, "provenance": {"$dict": []}, "versions": {}, "assets": {}, **others}
    write_tensors(folder / "model.mcgurk", tensors, manifest)
    return folder / "model.mcgurk"


def changed(folder: Path, fusion: str, change: Callable[[dict[str, Any], dict[str, np.ndarray]], Any]) -> Path:
    tensors, manifest = sound(fusion)
    change(manifest, tensors)
    write_tensors(folder / "model.mcgurk", tensors, manifest)
    return folder / "model.mcgurk"


def made(name: str, params: dict[str, Any] | None = None, state: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"$object": name, "params": params or {}, "state": state or {}, "tensors": [], "path": "model"}


@attack("S08")
def a_class_of_the_system(folder: Path) -> Path:
    return forged(folder, {}, made("os:system", {"command": f"touch {folder / 'canary'}"}))


@attack("S08")
def a_builtin(folder: Path) -> Path:
    return forged(folder, {}, made("builtins:exec", {"source": f"open('{folder / 'canary'}', 'w')"}))


@attack("S08")
def a_room_with_dunders(folder: Path) -> Path:
    return forged(folder, {}, made("__main__.__builtins__:eval"))


@attack("S08")
def a_name_with_dunders(folder: Path) -> Path:
    return forged(folder, {}, made("fusion:__class__.__init__.__globals__"))


@attack("S08")
def a_module_path_for_a_name(folder: Path) -> Path:
    return forged(folder, {}, made("fusion:..store:save"))


@attack("S08")
def a_module_path_as_a_setting(folder: Path) -> Path:
    run = {"$tuple": ["subprocess:Popen", {"$dict": [["args", {"$tuple": ["touch", str(folder / "canary")]}]]}]}
    return changed(folder, "concat", lambda manifest, _: manifest["model"]["params"].update(fusion=run))


@attack("S08")
def a_class_in_no_registry(folder: Path) -> Path:
    return changed(folder, "concat", lambda manifest, _: manifest["model"]["params"].update(fusion=made("fusion:exploit")))


@attack("S07")
def a_record_that_is_none(folder: Path) -> Path:
    return forged(folder, {}, {"$record": "os.system", "fields": {"command": "true"}})


@attack("S05")
def a_part_in_place_of_a_model(folder: Path) -> Path:
    return forged(folder, {}, made("encoders:precomputed"))


@attack("S05")
def a_model_that_was_never_fitted(folder: Path) -> Path:
    return forged(folder, {}, made("fusion:classifier", {"fusion": "early"}))


@attack("S05")
def a_text_in_place_of_a_model(folder: Path) -> Path:
    return forged(folder, {}, "model")


def first(value: Any, name: str) -> dict[str, Any]:
    """The first object of this registry name in a manifest."""
    if isinstance(value, dict) and value.get("$object") == name:
        return value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(part, (dict, list)) and (found := first(part, name)):
            return found
    return {}


@attack("S05")
def a_state_that_changes_the_class(folder: Path) -> Path:
    return changed(folder, "early", lambda m, _: first(m, "encoders:precomputed")["state"].update({"__class__": "os._Environ"}))


@attack("S05")
def a_state_that_replaces_a_method(folder: Path) -> Path:
    return changed(
        folder, "early", lambda m, _: first(m, "encoders:precomputed")["state"].update({"get_params": made("encoders:precomputed")})
    )


@attack("S05")
def a_state_that_replaces_a_method_of_torch(folder: Path) -> Path:
    return changed(folder, "early", lambda m, _: first(m, "encoders:precomputed")["state"].update({"requires_grad_": "no"}))


@attack("S05")
def a_layer_whose_forward_is_replaced(folder: Path) -> Path:
    return changed(folder, "concat", lambda m, _: m["model"]["state"].update(parts={"$dict": [["fusion", {"$dict": [["forward", "x"]]}]]}))


@attack("S07")
def a_parameter_that_is_none(folder: Path) -> Path:
    return changed(folder, "early", lambda m, _: m["model"]["params"].update({"__class__": "x"}))


@attack("S07")
def settings_that_ask_for_all_memory(folder: Path) -> Path:
    return changed(folder, "concat", lambda m, _: m["model"]["params"].update(hidden={"$tuple": [1 << 17, 1 << 17]}))


@attack("S07")
def cells_that_ask_for_all_memory(folder: Path) -> Path:
    return forged(folder, {}, {"$objects": [1], "shape": [1 << 40], "text": False})


@attack("S05")
def values_nested_too_deep(folder: Path) -> Path:
    value: Any = 1
    for _ in range(90):
        value = {"$tuple": [value]}
    return forged(folder, {}, value)


@attack("S08")
def weights_called_by_a_path(folder: Path) -> Path:
    assets = {"../../canary": {"weights": "0" * 64, "files": {}}}
    return forged(folder, {}, made("encoders:precomputed"), assets=assets)


@attack("S07")
def weights_with_a_file_outside(folder: Path) -> Path:
    """Under a sound name and hash: taken only where the pinned bytes are, and placed only under the pinned names."""
    from mcgurk.encoders.assets import weights_hash

    name = f"../../../../../../..{folder / 'canary'}"
    assets = {"minilm": {"weights": weights_hash("minilm"), "files": {name: "0" * 64}}}
    return forged(folder, {f"asset::minilm::{name}": np.zeros(4, np.uint8)}, made("encoders:precomputed"), assets=assets)


@attack("S06")
def a_format_of_the_future(folder: Path) -> Path:
    return forged(folder, {}, "model", format="1; import os")


# Running them.


def refused(path: Path) -> str:
    """The code of the refusal; the name of an error that has none; "loaded" where there was none."""
    try:
        load(path)
    except McgurkError as error:
        return error.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "loaded"


def main(folder: Path) -> dict[str, dict[str, object]]:
    from mcgurk.encoders import assets

    os.environ["MALICE_FOLDER"] = str(folder)
    assets.installed = lambda name: False
    found = {}
    for fusion in ("early", "concat"):  # what a load needs is imported here, so that a child's time is the refusal's
        tensors, manifest = sound(fusion)
        write_tensors(folder / "sound.mcgurk", tensors, manifest)
        load(folder / "sound.mcgurk")
    for name, (_, make) in ATTACKS.items():
        place = folder / name
        place.mkdir(parents=True)
        path = make(place)
        found[name] = measured(lambda path=path: refused(path)) | {"canary": (place / "canary").exists()}
    return found


if __name__ == "__main__":
    with config.set(cache=Path(sys.argv[1]) / "cache", progress=False):
        sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
