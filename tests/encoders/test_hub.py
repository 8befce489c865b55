"""Foreign models of every modality, made tiny here: real loading code, no network, no foreign code."""

from __future__ import annotations

import io
import json
import socket

import numpy as np
import pytest
import torch
from PIL import Image

from mcgurk.data import Dense, Lazy, Ragged
from mcgurk.encoders import HubEncoder
from mcgurk.errors import DataError, MissingPackage, StoreError

transformers = pytest.importorskip("transformers", reason="the extra 'hub' is not installed")
transformers.logging.set_verbosity_error()

WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "red", "blue", "dress", "jeans", "dog", "barks"]
MARKS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def save_tokenizer(folder) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of tiny models with random weights, by name."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    t = transformers
    groups = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    made = {
        "bert": t.BertModel(t.BertConfig(vocab_size=len(WORDS), max_position_embeddings=12, **SMALL)),
        "vit": t.ViTModel(t.ViTConfig(image_size=16, patch_size=8, **SMALL)),
        "convnext": t.ConvNextModel(t.ConvNextConfig(hidden_sizes=[8, 12], depths=[1, 1], num_stages=2, patch_size=4)),
        "clip": t.CLIPModel(
            t.CLIPConfig(
                text_config={**SMALL, "vocab_size": len(WORDS), "max_position_embeddings": 12, **MARKS},
                vision_config={**SMALL, "image_size": 16, "patch_size": 8},
                projection_dim=8,
            )
        ),
        "wav2vec2": t.Wav2Vec2Model(
            t.Wav2Vec2Config(
                conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8), **groups, **SMALL
            )
        ),
        "whisper": t.WhisperModel(
            t.WhisperConfig(
                d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
                decoder_ffn_dim=32, num_mel_bins=8, max_source_positions=100, vocab_size=20, decoder_start_token_id=1, **MARKS,
            )
        ),
    }  # fmt: skip
    processors = {
        "vit": t.ViTImageProcessor(size={"height": 16, "width": 16}),
        "convnext": t.ViTImageProcessor(size={"height": 16, "width": 16}),
        "clip": t.CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
        "wav2vec2": t.Wav2Vec2FeatureExtractor(),
        "whisper": t.WhisperFeatureExtractor(feature_size=8, chunk_length=2),
    }
    for name, model in made.items():
        model.eval().save_pretrained(root / name)
        if name in processors:
            processors[name].save_pretrained(root / name)
    for name in ("bert", "clip"):
        save_tokenizer(root / name)
    return {name: str(root / name) for name in made}


def png(seed: int, size=(20, 30)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def sound(seconds: float, rate: int = 16_000) -> np.ndarray:
    return np.sin(np.arange(int(seconds * rate)) * 0.05).astype(np.float32)


def test_text_is_the_mean_of_valid_tokens(models):
    texts = ["red dress", "blue", None, "", "the red dog barks red dog barks red dog barks red dog"]
    out = HubEncoder(models["bert"]).prepare(Lazy(texts))
    assert out.values.shape == (5, 16) and out.present.tolist() == [True, True, False, True, True] and not out.values[2:4].any()
    bert = transformers.BertModel.from_pretrained(models["bert"]).eval()
    with torch.inference_mode():
        wanted = bert(torch.tensor([[1, 4, 6, 2]])).last_hidden_state[0]
    np.testing.assert_allclose(out.values[0], wanted.mean(dim=0), atol=1e-5)
    np.testing.assert_allclose(HubEncoder(models["bert"], pool="first").prepare(Lazy(["red dress"])).values[0], wanted[0], atol=1e-5)
    tokens = HubEncoder(models["bert"], tokens=True).prepare(Lazy(texts))
    assert tokens.lengths.tolist() == [2, 1, 0, 0, 10], "markers are left out, and 12 places are all the model has"
    np.testing.assert_allclose(tokens.row(0), wanted[1:3], atol=1e-5)
    assert HubEncoder(models["bert"], tokens=True, max_tokens=4).prepare(Lazy(texts[4:])).lengths.tolist() == [2]
    assert HubEncoder(models["bert"]).prepare(Lazy([("red", "blue"), ("dog",)])).lengths.tolist() == [2, 1]
    assert HubEncoder(models["bert"]).prepare(Lazy([None])).values.shape == (1, 16)


def test_pictures_by_class_token_grid_and_feature_map(models):
    column = Lazy([png(0), None, png(1, (9, 40))], kind="image")
    vit = transformers.ViTModel.from_pretrained(models["vit"]).eval()
    grid = HubEncoder(models["vit"], tokens=True).prepare(column)
    assert grid.lengths.tolist() == [5, 0, 5]
    out = HubEncoder(models["vit"]).prepare(column)
    np.testing.assert_allclose(out.values[0], grid.row(0)[0], atol=1e-6)
    np.testing.assert_allclose(HubEncoder(models["vit"], pool="mean").prepare(column).values[2], grid.row(2).mean(axis=0), atol=1e-5)
    pixels = (np.asarray(Image.open(io.BytesIO(png(0))).resize((16, 16), Image.Resampling.BILINEAR)) / 255 - 0.5) / 0.5
    with torch.inference_mode():
        wanted = vit(torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)[None]).last_hidden_state[0, 0]
    np.testing.assert_allclose(out.values[0], wanted, atol=1e-4)
    flat = HubEncoder(models["convnext"]).prepare(column)
    places = HubEncoder(models["convnext"], tokens=True).prepare(column)
    assert flat.values.shape == (3, 12) and places.item == (12,)
    np.testing.assert_allclose(places.row(0).mean(axis=0), flat.values[0], atol=1e-5)
    arrays = Dense(np.random.default_rng(0).integers(0, 256, (1, 20, 30, 3), dtype=np.uint8), kind="image")
    np.testing.assert_allclose(HubEncoder(models["vit"]).prepare(arrays).values[0], out.values[0], atol=1e-6)


def test_towers_meet_in_their_shared_space(models):
    encoder = HubEncoder(models["clip"])
    text, image = encoder.prepare(Lazy(["red dress", "blue jeans"])), encoder.prepare(Lazy([png(0)], kind="image"))
    assert text.values.shape == (2, 8) and image.values.shape == (1, 8)
    clip = transformers.CLIPModel.from_pretrained(models["clip"]).eval()
    with torch.inference_mode():
        wanted = clip.get_text_features(input_ids=torch.tensor([[1, 4, 6, 2]]))
    wanted = wanted if isinstance(wanted, torch.Tensor) else wanted.pooler_output
    np.testing.assert_allclose(text.values[0], wanted[0], atol=1e-5)
    assert HubEncoder(models["clip"], tokens=True).prepare(Lazy([png(0)], kind="image")).item == (16,)
    assert HubEncoder(models["clip"], pool="mean").prepare(Lazy(["red"])).values.shape == (1, 16)


def test_sounds_without_padding(models):
    column = Ragged.of([sound(0.5), sound(0.2), None, np.zeros(0, np.float32)], kind="audio")
    encoder = HubEncoder(models["wav2vec2"])
    out = encoder.prepare(column)
    assert out.values.shape == (4, 16) and not out.values[2:].any()
    np.testing.assert_allclose(encoder.prepare(column.take(np.array([1]))).values[0], out.values[1], atol=1e-6)
    steps = HubEncoder(models["wav2vec2"], tokens=True).prepare(column)
    np.testing.assert_allclose(steps.row(0).mean(axis=0), out.values[0], atol=1e-5)
    assert steps.lengths[2:].tolist() == [0, 0] and 0 < steps.row_times(0)[0] < steps.row_times(0)[-1] < 0.5
    assert not np.allclose(HubEncoder(models["wav2vec2"], pool="first").prepare(column).values[0], out.values[0])


def test_windows_of_a_fixed_length_are_cut_to_the_sound(models):
    """An extractor that pads every sound to 2 s: 100 frames a window, of which the padding's are dropped."""
    out = HubEncoder(models["whisper"], tokens=True).prepare(Ragged.of([sound(1.0), sound(5.0)], kind="audio"))
    assert out.lengths.tolist() == [50, 250] and out.item == (16,)
    np.testing.assert_allclose(out.row_times(1)[[0, -1]], [0.01, 4.99], atol=1e-9)
    assert HubEncoder(models["whisper"]).prepare(Ragged.of([sound(5.0)], kind="audio")).values.shape == (1, 16)


def test_weights_identify_the_encoder(models, tmp_path):
    one, two = HubEncoder(models["bert"]), HubEncoder(models["vit"])
    assert one.weights_hash() != two.weights_hash() and one.weights_hash() in one.fingerprint()
    assert not list(one.parameters()) and one.get_params()["model"] == models["bert"]


def test_a_folder_without_safetensors_is_refused(models, tmp_path):
    canary = tmp_path / "canary"

    class Evil:
        def __reduce__(self):
            return (type(canary).touch, (canary,))

    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text((type(canary)(models["bert"]) / "config.json").read_text())
    torch.save({"w": Evil()}, folder / "pytorch_model.bin")
    save_tokenizer(folder)
    with pytest.raises(StoreError, match=r"no \.safetensors") as caught:
        HubEncoder(str(folder)).prepare(Lazy(["red"]))
    assert caught.value.code == "P03" and not canary.exists()


def test_a_models_own_code_is_never_run(models, tmp_path):
    import shutil

    folder, canary = tmp_path / "remote", tmp_path / "canary"
    shutil.copytree(models["bert"], folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "strange.Config", "AutoModel": "strange.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "strange.py").write_text(f"open({str(canary)!r}, 'w')\nclass Config: pass\nclass Model: pass\n")
    with pytest.raises(StoreError, match="no code of its own"):
        HubEncoder(str(folder)).prepare(Lazy(["red"]))
    assert not canary.exists()


def test_a_model_that_is_not_here_names_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(StoreError, match="allow_download=True") as caught:
        HubEncoder("somebody/a-model-that-is-not-here").prepare(Lazy(["red"]))
    assert caught.value.code == "P03"
    for bad in (HubEncoder(), HubEncoder("x", pool="median")):
        with pytest.raises(DataError):
            bad.prepare(Lazy(["red"]))
    with pytest.raises(DataError, match="got tabular"):
        HubEncoder("x").prepare(Dense(np.zeros((1, 2)), kind="tabular"))


def test_the_extra_is_named(models, monkeypatch):
    import sys

    from mcgurk.encoders import hub_models

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPackage, match=r"pip install 'mcgurk\[hub\]'"):
        hub_models.load(hub_models.locate(models["bert"], None, False), "text")


def test_a_text_model_does_not_see(models):
    with pytest.raises(StoreError, match="image processor"):
        HubEncoder(models["bert"]).prepare(Lazy([png(0)], kind="image"))
