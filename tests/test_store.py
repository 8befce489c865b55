"""A model in a file: the same answers, registered classes only, every format ever written still read."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mcgurk import FusionClassifier, registry
from mcgurk.data import Dataset
from mcgurk.data.column import Field
from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import IntegrityError, StoreError
from mcgurk.store import FORMAT, MAX_DEPTH, Reader, Writer, load, save
from mcgurk.tensorfile import read_tensors, write_tensors
from mcgurk.testing import toys

FIXTURES = Path(__file__).parent / "fixtures"
sys.path.insert(0, str(FIXTURES))

import make_format  # noqa: E402

FILES = sorted(FIXTURES.glob("*.mcgurk"))
PLAIN = {"vector": "precomputed"}


def early() -> FusionClassifier:
    X = toys.vectors(30)
    return FusionClassifier("early", encoders=PLAIN).fit(X, toys.labels(X, "classes"))


def rewritten(model: object, path: Path, change) -> Path:
    """A file whose manifest ``change`` has altered and whose checksum is right again."""
    save(model, path)
    tensors, manifest = read_tensors(path)
    change(manifest, tensors)
    write_tensors(path, tensors, manifest)
    return path


# What is stored.

ESTIMATORS = [
    (room, name)
    for room in registry.ROOMS
    for name, entry in registry.entries(room).items()
    if entry.role in ("classifier", "regressor", "multitask", "embedder", "splitter", "generator", "aligner")
]


@pytest.mark.parametrize(("room", "name"), ESTIMATORS, ids=[f"{room}:{name}" for room, name in ESTIMATORS])
def test_every_estimator_comes_back(room: str, name: str, tmp_path: Path) -> None:
    entry = registry.entry(room, name)
    model = registry.find(room, name)(**entry.small)
    X = toys.sequences(24, absent=False).select(["s", "t"]) if entry.role == "aligner" else toys.vectors(40).select(["a", "c"])
    y = toys.labels(X, entry.targets[0]) if entry.role in ("classifier", "regressor") else None
    y = toys.tasks(X) if entry.role == "multitask" else y
    model.fit(X, y)
    model.save(tmp_path / "m.mcgurk")
    again = load(tmp_path / "m.mcgurk")
    assert type(again) is type(model) and repr(again) == repr(model)
    assert again.provenance_ == model.provenance_ and again.spec_ == model.spec_
    if y is not None:
        np.testing.assert_array_equal(again._scores(X), model._scores(X))
    again.save(tmp_path / "n.mcgurk")
    assert (tmp_path / "m.mcgurk").read_bytes() == (tmp_path / "n.mcgurk").read_bytes(), "saved again, it is another file"


def test_provenance_and_versions_are_in_the_file(tmp_path) -> None:
    early().save(tmp_path / "m.mcgurk")
    _, manifest = read_tensors(tmp_path / "m.mcgurk")
    assert load(tmp_path / "m.mcgurk").provenance_ == {
        "rows": 30,
        "held_out": 0,
        "seed": 0,
        "threads": load(tmp_path / "m.mcgurk").provenance_["threads"],
    }
    assert {"python", "numpy", "torch"} <= set(manifest["versions"]) and manifest["format"] == FORMAT


@pytest.mark.parametrize("fusion", ["early", "late", "concat"])
def test_equal_models_are_equal_files(fusion: str, tmp_path) -> None:
    X = toys.vectors(30)
    for name in "12":
        FusionClassifier(fusion, encoders=PLAIN, epochs=1).fit(X, toys.labels(X, "classes")).save(tmp_path / name)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_what_belongs_to_a_machine_stays_there(tmp_path) -> None:
    X = toys.vectors(30)
    y = toys.labels(X, "classes")
    model = FusionClassifier("concat", encoders=PLAIN, epochs=1, checkpoint=tmp_path / "run", random_state=np.random.RandomState(3)).fit(
        X, y
    )
    model.save(tmp_path / "m.mcgurk")
    again = load(tmp_path / "m.mcgurk")
    assert again.checkpoint is None and again.random_state is None
    assert str(tmp_path).encode() not in (tmp_path / "m.mcgurk").read_bytes()
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("encoder", ["gru", "conv1d", "transformer"])
def test_encoders_that_train(encoder: str, tmp_path) -> None:
    X = toys.sequences(20)
    y = toys.labels(X, "classes")
    model = FusionClassifier("concat", encoders={"series": (encoder, {"width": 4}), "vector": "precomputed"}, epochs=1, hidden=(4,)).fit(
        X, y
    )
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").predict_proba(X), model.predict_proba(X))


def test_columns_may_have_any_name(tmp_path) -> None:
    X = toys.vectors(30)
    odd = Dataset({"a.b": X["a"], "a": X["b"], "a::b/..\\ \x00é": X["c"], "$tensor": X["b"]})
    for fusion in ("early", "concat"):
        model = FusionClassifier(fusion, encoders=PLAIN, epochs=1).fit(odd, toys.labels(X, "classes"))
        model.save(tmp_path / "m.mcgurk")
        np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").predict_proba(odd), model.predict_proba(odd))


@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"], [False, True], [1.5, 2.0]], ids=["int", "str", "bool", "float"])
def test_labels_keep_their_type(labels, tmp_path) -> None:
    X = toys.vectors(30)
    y = np.array([labels[i % 2] for i in range(30)])
    if y.dtype.kind == "f":
        y = np.array([1.0, 2.0])[np.arange(30) % 2]
    model = FusionClassifier("early", encoders=PLAIN).fit(X, y)
    model.save(tmp_path / "m.mcgurk")
    again = load(tmp_path / "m.mcgurk")
    assert again.classes_.dtype == model.classes_.dtype and again.predict(X).tolist() == model.predict(X).tolist()


# What cannot be stored.


class Stranger(registry.find("fusion", "concat")):  # type: ignore[misc]
    """In no registry."""


def test_a_class_in_no_registry_is_refused(tmp_path) -> None:
    X = toys.vectors(30)
    model = FusionClassifier(Stranger(), encoders=PLAIN, epochs=1).fit(X, toys.labels(X, "classes"))
    with pytest.raises(StoreError, match=r"model\.fusion is a .*Stranger, which is in no registry") as caught:
        model.save(tmp_path / "m.mcgurk")
    assert caught.value.code == "S04" and not (tmp_path / "m.mcgurk").exists()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda: 1, "function"),
        (np.array([1j]), "array of complex128"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "array of datetime64"),
        (b"bytes", "builtins.bytes"),
        ({1, 2}, "builtins.set"),
        (int, "builtins.type"),
    ],
)
def test_values_that_cannot_be_stored(value, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        Writer().value(value, "model.thing")
    assert caught.value.code == "S04" and "model.thing" in str(caught.value)


def test_what_is_nested_too_deep_or_in_itself_is_refused() -> None:
    loop: list = []
    loop.append(loop)
    with pytest.raises(StoreError, match=f"more than {MAX_DEPTH} deep"):
        Writer().value(loop, "model")


@pytest.mark.parametrize("thing", ["text", FusionClassifier("early"), 3])
def test_only_fitted_estimators_are_saved(thing, tmp_path) -> None:
    with pytest.raises(StoreError, match="give a fitted mcgurk estimator"):
        save(thing, tmp_path / "m.mcgurk")


# What is read.


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_format_is_still_read(path: Path) -> None:
    """A fixture per format version: it loads, and answers what it answered when it was written."""
    X = make_format.table(12, seed=1)
    np.testing.assert_allclose(make_format.answers(load(path), X), json.loads(path.with_suffix(".json").read_text()), rtol=1e-4, atol=1e-6)


def test_the_present_format_has_a_fixture() -> None:
    assert {path.stem.split("-")[0] for path in FILES} >= {f"format{number}" for number in range(1, FORMAT + 1)}


def test_a_newer_format_is_refused(tmp_path) -> None:
    path = rewritten(early(), tmp_path / "m.mcgurk", lambda manifest, _: manifest.update(format=FORMAT + 1))
    with pytest.raises(StoreError, match=f"has format {FORMAT + 1}, this version reads {FORMAT}; update mcgurk") as caught:
        load(path)
    assert caught.value.code == "S06"


def test_another_kind_of_file_is_refused(tmp_path) -> None:
    write_tensors(tmp_path / "x", {}, {"kind": "run"})
    with pytest.raises(StoreError, match="holds 'run', not a model") as caught:
        load(tmp_path / "x")
    assert caught.value.code == "S05"


def test_an_unknown_class_is_refused(tmp_path) -> None:
    path = rewritten(early(), tmp_path / "m.mcgurk", lambda manifest, _: manifest["model"].update({"$object": "fusion:classifire"}))
    with pytest.raises(StoreError, match=r"needs a method that is not installed here.*did you mean classifier") as caught:
        load(path)
    assert caught.value.code == "S08"


def test_a_part_is_no_model(tmp_path) -> None:
    def change(manifest, tensors) -> None:
        tensors.clear()
        manifest["model"] = {"$object": "encoders:precomputed", "params": {}, "state": {}, "tensors": [], "path": "model"}

    with pytest.raises(StoreError, match="not a fitted estimator") as caught:
        load(rewritten(early(), tmp_path / "m.mcgurk", change))
    assert caught.value.code == "S05"


def test_a_parameter_of_a_later_version_is_refused_and_a_missing_one_has_its_default(tmp_path) -> None:
    path = rewritten(early(), tmp_path / "m.mcgurk", lambda manifest, _: manifest["model"]["params"].update(colour="red"))
    with pytest.raises(IntegrityError, match="colour"):
        load(path)
    path = rewritten(early(), tmp_path / "m.mcgurk", lambda manifest, _: manifest["model"]["params"].pop("warmup"))
    assert load(path).warmup == 0.0


def test_settings_that_ask_for_more_memory_than_the_file_holds_take_none(tmp_path) -> None:
    X = toys.vectors(30)
    model = FusionClassifier("concat", encoders=PLAIN, epochs=1).fit(X, toys.labels(X, "classes"))
    path = rewritten(
        model, tmp_path / "m.mcgurk", lambda manifest, _: manifest["model"]["params"].update(hidden={"$tuple": [1 << 20, 1 << 20]})
    )
    with pytest.raises(IntegrityError, match="settings and its arrays disagree"):
        load(path)


# Weights.


def fake_weights(monkeypatch, folder: Path, files: dict[str, bytes]) -> list:
    """Packaged weights called "toy" in place of real ones; the list fills with what a loaded file provides."""
    from mcgurk.encoders import assets

    provided: list = []
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    monkeypatch.setattr(assets, "path", lambda name: folder)
    monkeypatch.setattr(assets, "asset", lambda name: SimpleNamespace(files=dict.fromkeys(files)))
    monkeypatch.setattr(assets, "weights_hash", lambda name: "abc")
    monkeypatch.setattr(assets, "provide", lambda name, given, digests: provided.append((name, given, digests)))
    monkeypatch.setattr(registry.find("encoders", "precomputed"), "assets", ("toy",), raising=False)
    return provided


def test_packaged_weights_are_named_or_embedded(tmp_path, monkeypatch) -> None:
    files = {"model.bin": b"\x00\x01" * 50, "words/list.txt": b"red"}
    provided = fake_weights(monkeypatch, tmp_path / "weights", files)
    model = early()
    model.save(tmp_path / "named.mcgurk")
    load(tmp_path / "named.mcgurk")
    assert provided == []
    model.save(tmp_path / "whole.mcgurk", embed=True)
    again = load(tmp_path / "whole.mcgurk")
    assert [(name, given) for name, given, _ in provided] == [("toy", files)]
    assert all(len(digest) == 64 for digest in provided[0][2].values())
    X = toys.vectors(10)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    from mcgurk.encoders import assets

    monkeypatch.setattr(assets, "weights_hash", lambda name: "other")
    with pytest.raises(StoreError, match="fitted on other weights 'toy'") as caught:
        load(tmp_path / "named.mcgurk")
    assert caught.value.code == "S08"


def test_embedded_weights_that_are_not_the_pinned_ones_are_refused(tmp_path, monkeypatch) -> None:
    """The store hands them over; what takes them compares their digests, so a file cannot plant weights of its own."""
    from mcgurk.encoders import assets

    monkeypatch.setattr(assets, "installed", lambda name: False)

    def change(manifest, tensors) -> None:
        manifest["assets"] = {"minilm": {"weights": assets.weights_hash("minilm"), "files": {"../../evil": "0" * 64}}}
        tensors["asset::minilm::../../evil"] = np.zeros(3, np.uint8)

    with pytest.raises(IntegrityError, match="embeds the weights 'minilm' without"):
        load(rewritten(early(), tmp_path / "m.mcgurk", change))
    assert not (tmp_path.parent / "evil").exists()


# Properties of the nested values.

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.floats(width=32).map(np.float32)
KEYS = st.text(max_size=4) | st.integers() | st.booleans() | st.tuples(st.text(max_size=2), st.integers())
NUMBERS = st.sampled_from(["?", "<i8", "<f4", "<f8", "u1"]).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
)
WORDS = hnp.arrays(
    "U4", hnp.array_shapes(max_dims=2, max_side=3), elements=st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=4)
)
CELLS = st.lists(st.none() | st.text(max_size=4) | st.integers() | st.floats(), max_size=4).map(
    lambda cells: np.array([*cells, None], dtype=object)[:-1]
)
RECORDS = (
    st.builds(Field, st.text(max_size=4), st.just("category"), st.lists(st.text(max_size=3), unique=True, max_size=3).map(tuple))
    | st.builds(ColumnSpec, st.just("dense"), st.just("vector"), st.tuples(st.integers(1, 9)))
    | st.builds(TargetSpec, st.just("number"), center=st.tuples(st.floats()), scale=st.tuples(st.floats()))
)
VALUES = st.recursive(
    SCALARS | NUMBERS | WORDS | CELLS | RECORDS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def same(a, b) -> bool:
    """Equal in value and kind; NaN equals NaN, and a numpy number the plain one."""
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.shape == b.shape
            and a.dtype.kind == b.dtype.kind
            and all(map(same, a.ravel().tolist(), b.ravel().tolist()))
        )
    if isinstance(a, np.generic):
        a = a.item()
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and same(list(a), list(b)) and all(map(same, a.values(), b.values()))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__)
    return type(a) is type(b) and (a == b or (a != a and b != b))


@given(VALUES)
def test_nested_values_come_back(tmp_path_factory, value) -> None:
    path = tmp_path_factory.mktemp("v") / "x"
    writer = Writer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = writer.value(value, "model")
    write_tensors(path, writer.tensors, {"value": written})
    tensors, manifest = read_tensors(path)
    assert same(value, Reader(tensors).value(manifest["value"]))


@given(VALUES, VALUES)
def test_names_that_look_alike_keep_their_own_arrays(first, second) -> None:
    array = np.arange(3)
    value = {"a.b": array, "a": {"b": array + 1, "c": first}, 1: array + 2, "1": array + 3, (True,): second}
    writer = Writer()
    again = Reader(writer.tensors).value(writer.value(value, "model"))
    assert same(value, again)
