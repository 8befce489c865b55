"""The 34 short-term features on sounds whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional import short_term as st

RATE = 16000


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(RATE * seconds)) / RATE)


def named(samples: np.ndarray, **options: float) -> dict[str, float]:
    return dict(zip(st.NAMES, st.short_term(samples, RATE, **options).mean(axis=0).tolist(), strict=True))


def test_a_tone() -> None:
    """440 Hz: 880 crossings a second, mean square 1/2, one line of the spectrum, all power in A."""
    found = named(tone(440))
    assert found["zero_crossing_rate"] == pytest.approx(880 / RATE, rel=0.03)
    assert found["energy"] == pytest.approx(0.5, abs=1e-3)
    assert found["energy_entropy"] == pytest.approx(np.log2(10), abs=0.01)
    assert found["spectral_centroid"] == pytest.approx(440 / 8000, abs=0.0026)  # bins of 20 Hz, counted from 1
    assert found["spectral_spread"] == pytest.approx(0, abs=1e-6)
    assert found["spectral_entropy"] == pytest.approx(0, abs=1e-9)
    assert found["spectral_flux"] == pytest.approx(0, abs=1e-12)
    assert found["spectral_rolloff"] == pytest.approx(440 / 8000, abs=0.0026)
    assert found["chroma_A"] == pytest.approx(1)
    assert found["chroma_deviation"] == pytest.approx(np.sqrt(11) / 12)


@pytest.mark.parametrize(("hz", "name"), [(261.626, "C"), (493.883, "B"), (1046.502, "C"), (1864.655, "A#")])
def test_pitch_classes(hz: float, name: str) -> None:
    found = named(tone(hz), window=0.2, hop=0.1)
    chroma = {key: value for key, value in found.items() if key.startswith("chroma_") and key != "chroma_deviation"}
    assert max(chroma, key=chroma.__getitem__) == f"chroma_{name}"


def test_silence_is_finite_and_zero_but_for_the_cepstral_floor() -> None:
    found = named(np.zeros(RATE))
    assert found["mfcc_1"] == pytest.approx(-8 * np.sqrt(40))
    assert all(value == pytest.approx(0, abs=1e-9) for key, value in found.items() if key != "mfcc_1")


def test_noise_is_flat() -> None:
    found = named(np.random.default_rng(0).normal(size=4 * RATE))
    assert found["zero_crossing_rate"] == pytest.approx(0.5, abs=0.01)
    assert found["spectral_centroid"] == pytest.approx(0.5, abs=0.01)
    assert found["spectral_rolloff"] == pytest.approx(0.9, abs=0.02)
    assert found["spectral_entropy"] > 3.2


def test_a_burst_has_low_energy_entropy_and_a_change_has_flux() -> None:
    burst = np.zeros(800)
    burst[:80] = 1.0
    assert st.block_entropy(burst[None] ** 2)[0] == pytest.approx(0)
    both = np.concatenate([tone(500, 0.5), tone(3000, 0.5)])
    flux = st.short_term(both, RATE)[:, st.NAMES.index("spectral_flux")]
    assert 18 <= flux.argmax() <= 20


def test_level_is_removed_or_kept() -> None:
    loud, soft = tone(440), 0.1 * tone(440)
    assert st.short_term(soft, RATE) == pytest.approx(st.short_term(loud, RATE), abs=1e-6)
    assert named(soft, normalise=False)["energy"] == pytest.approx(0.005, abs=1e-5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).normal(size=RATE)
    whole = st.short_term(x, RATE)
    monkeypatch.setattr(st, "BLOCK", 7)
    assert st.short_term(x, RATE) == pytest.approx(whole, abs=1e-12)


def test_short_and_empty() -> None:
    assert st.short_term(np.ones(10), RATE).shape == (1, 34)
    assert st.short_term(np.zeros(0), RATE).shape == (0, 34)
    assert st.mid_term(np.zeros((0, 34)), 40, 40).shape == (0, 136)
    assert st.zero_crossing_rate(np.ones((3, 1))).tolist() == [0, 0, 0]


def test_mid_term_by_hand() -> None:
    found = st.mid_term([[1.0], [3.0], [2.0]], 2, 2)
    assert found.tolist() == [[2.0, 1.0, 1.0, 1.0], [2.0, 0.0, -1.0, 0.0]]
    with pytest.raises(DataError, match="at least 1"):
        st.mid_term([[1.0]], 0, 1)
