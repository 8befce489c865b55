"""The default encoder of a column, and the one line that says it is a fall-back."""

from __future__ import annotations

import warnings

import pytest

from mcgurk import registry
from mcgurk.data import ColumnSpec
from mcgurk.encoders import ENTRIES, assets, auto, default_encoder
from mcgurk.errors import DataError, McgurkWarning


@pytest.fixture(autouse=True)
def _fresh():
    auto._announce.cache_clear()


def spec(kind: str) -> ColumnSpec:
    return ColumnSpec("lazy", kind)


def test_the_best_encoder_whose_weights_are_there(monkeypatch):
    monkeypatch.setattr(assets, "installed", lambda name: True)
    assert [default_encoder(spec(k)) for k in ("text", "image", "tabular", "series", "vector")] == [
        "minilm", "efficientnet", "tabular", "series_stats", "precomputed",
    ]  # fmt: skip


def test_a_fall_back_is_said_once_with_the_command(monkeypatch):
    monkeypatch.setattr(assets, "installed", lambda name: name == "wordllama")
    with pytest.warns(McgurkWarning, match="mcgurk assets install minilm") as caught:
        assert default_encoder(spec("text")) == "static_vectors"
    assert caught[0].message.code == "P02"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert default_encoder(spec("text")) == "static_vectors"
    monkeypatch.setattr(assets, "installed", lambda name: False)
    with pytest.warns(McgurkWarning, match="tfidf"):
        assert default_encoder(spec("text")) == "tfidf"
    with pytest.warns(McgurkWarning, match="image_stats"):
        assert default_encoder(spec("image")) == "image_stats"


def test_every_choice_ends_in_one_without_weights_and_is_registered():
    for kind, order in auto.ORDER.items():
        assert order[-1][1] is None, kind
        for name, weights in order:
            assert weights is None or weights in assets.TABLE
            assert name in ENTRIES and kind in (ENTRIES[name].wants or ())


def test_an_unknown_kind_is_refused():
    with pytest.raises(DataError, match="smell"):
        default_encoder(spec("smell"))


def test_the_same_encoders_keep_their_steps(monkeypatch):
    monkeypatch.setattr(assets, "installed", lambda name: True)
    said = {kind: default_encoder(spec(kind), steps=True) for kind in ("text", "audio", "video", "series", "image", "tabular")}
    assert said["text"] == ("minilm", {"tokens": True}) and said["audio"] == ("whisper", {"tokens": True})
    assert said["video"] == ("video_frames", {"pool": None}) and said["series"] == ("precomputed", {})
    assert (said["image"], said["tabular"]) == ("efficientnet", "tabular")


def test_what_keeps_steps_is_registered_and_takes_its_parameters():
    first = {name for order in auto.ORDER.values() for name, _ in order}
    for name, (kept, params) in auto.STEPS.items():
        assert name in first
        registry.make("encoders", (kept, params))


def test_a_layer_of_sequences_reads_the_steps_of_a_series():
    import numpy as np

    from mcgurk import FusionClassifier
    from mcgurk.data import Dataset, Ragged

    rng = np.random.default_rng(0)
    offsets = np.arange(0, 121, 4)
    X = Dataset({name: Ragged(rng.normal(size=(120, 3)), offsets, None, None, "series") for name in "ab"})
    model = FusionClassifier("raven", encoders="steps", epochs=1).fit(X, np.arange(30) % 2)
    assert model.objective_.encoders["a"].out.item == (3,) and model.objective_.encoders["a"].out.sequence
