"""GRID's benchmarks on a made-up corpus of a few words: same folds, levels, regimes and figures."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import _grid, grid_noise, grid_streams
from benchmarks._noise_curve import drawn

from mcgurk.data import Dataset, Ragged
from mcgurk.data.split import folds
from mcgurk.fusion import MulT

LEVELS = [_grid.named(snr) for snr in _grid.LEVELS]


def made_up(n: int = 40) -> tuple[Dataset, np.ndarray]:
    """Two words; the mouth tells a little, clean sound everything, the worst noise nothing."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    sign = np.where(y, 1.0, -1.0)
    loudness = dict(zip(LEVELS, (5.0, 2.0, 1.0, 0.0), strict=True))

    def steps(strength: float, count: int) -> Ragged:
        made = [rng.normal(size=(count, 2)) + strength * s for s in sign]
        return Ragged.of(made, times=[np.arange(count) * 0.04] * n)

    columns = {"mouth": steps(0.4, 4)} | {f"sound, {level}": steps(loud, 6) for level, loud in loudness.items()}
    return Dataset(columns), np.array(["no", "yes"])[y]


@pytest.fixture(scope="module")
def scores() -> tuple[grid_noise.Scores, grid_noise.Scores]:
    X, y = made_up()
    found = grid_noise.measured(X, y, folds(X, y, n_splits=2, repeats=3, seed=0), epochs=1)
    return found[grid_noise.MATCHED], found[grid_noise.CLEAN]


def test_every_method_at_every_level(scores) -> None:
    for regime in scores:
        assert set(regime) == {*grid_noise.SINGLES, *grid_noise.FUSIONS}
        for method, by_level in regime.items():
            assert [len(values) for values in by_level.values()] == [5 if method == "mult" else 6] * 4
    matched, clean = scores
    assert matched["sound alone"]["clean"] == [100.0] * 6 == clean["sound alone"]["clean"]
    assert np.mean(matched["sound alone"]["-10 dB"]) < 80
    assert matched["video alone"]["clean"] == matched["video alone"]["-10 dB"] == clean["video alone"]["0 dB"]
    assert np.mean(clean["early"]["-10 dB"]) <= np.mean(matched["early"]["clean"])


def test_a_fusion_beats_the_best_modality_only_if_it_beats_both() -> None:
    splits = [(np.arange(80), np.arange(20))] * 5
    wobble = np.linspace(-1, 1, 5)
    of = lambda *means: {level: list(mean + wobble) for level, mean in zip(LEVELS, means, strict=True)}  # noqa: E731
    scores = {"video alone": of(60, 60, 60, 60), "sound alone": of(90, 60, 40, 20)} | {
        fusion: {level: list(values) for level, values in of(90, 75, 62, 50).items()} for fusion in grid_noise.FUSIONS
    }
    out = grid_noise.told(scores, splits)
    assert out["late beats the best single modality at"] == ["0 dB", "-5 dB"]
    assert out["late loses to a single modality at"] == ["-10 dB"]
    assert out["late"]["estimate"] == pytest.approx([90, 75, 62, 50])
    figures = {"levels": LEVELS} | {f"{t}s": {grid_noise.MATCHED: out, grid_noise.CLEAN: out} for t in _grid.TARGETS}
    svg = drawn(figures, (grid_noise.MATCHED, grid_noise.CLEAN), (*grid_noise.SINGLES, *grid_noise.FUSIONS))
    assert svg.startswith("<?xml") and "letters, trained on clean sound" in svg and "-10 dB" in svg
    assert svg == drawn(figures, (grid_noise.MATCHED, grid_noise.CLEAN), (*grid_noise.SINGLES, *grid_noise.FUSIONS))


def test_streams_with_and_without_attention_have_the_same_parameters() -> None:
    X, y = made_up()
    X = X.select(["mouth", "sound, clean"])
    out = grid_streams.compared(grid_streams.models(epochs=1), X, y, folds(X, y, n_splits=2, seed=0), range(2))
    assert out["parameters"][grid_streams.CROSS] == out["parameters"][grid_streams.OWN] > out["parameters"][grid_streams.POOLED]
    added = out[f"{grid_streams.CROSS} minus"][grid_streams.OWN]
    assert added["low"] <= added["estimate"] <= added["high"] and len(added["by seed"]) == 2
    network = _grid.network(align=False)
    assert isinstance(network.fusion, MulT) and not network.fusion.align


@pytest.mark.parametrize(("low", "high", "word"), [(0.1, 2, "helps"), (-2, -0.1, "harms"), (-1, 1, "not shown")])
def test_verdicts(low: float, high: float, word: str) -> None:
    assert word in grid_streams.verdict({"low": low, "high": high})


def test_words_of_the_corpus(data_root) -> None:
    X, y = _grid.words(data_root("grid_s1"), "digit", (None,))
    assert X.names == ("mouth", "sound, clean") and len(y) == 500
    assert X["mouth"].item == (32,) and X["sound, clean"].item == (26,)
    assert X["mouth"].lengths.min() >= 2 and X["sound, clean"].lengths.mean() == pytest.approx(2 * X["mouth"].lengths.mean(), rel=0.1)
