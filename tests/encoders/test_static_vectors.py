"""Packaged static token vectors."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Lazy
from mcgurk.encoders import StaticVectors, assets

pytestmark = pytest.mark.skipif(not assets.installed("wordllama"), reason="weights not installed: mcgurk assets install wordllama")


def test_paraphrases_are_closer_than_strangers():
    z = StaticVectors().prepare(Lazy(["a dog barks loudly", "the hound is barking", "interest rates fell"])).values
    assert z.shape == (3, 256) and z[0] @ z[1] > 0.3 > z[0] @ z[2]
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)


def test_order_plays_no_part_and_company_neither():
    z = StaticVectors().prepare(Lazy([" dog cat", " cat dog", "x"])).values
    np.testing.assert_allclose(z[0], z[1], atol=1e-6)
    np.testing.assert_array_equal(StaticVectors().prepare(Lazy([" dog cat"])).values[0], z[0])


def test_tokens_empty_and_absent():
    out = StaticVectors().prepare(Lazy(["", None, "dog"]))
    assert not out.values[:2].any() and out.present.tolist() == [True, False, True]
    steps = StaticVectors(tokens=True).prepare(Lazy(["", None, "dog house"]))
    assert steps.lengths[:2].tolist() == [0, 0] and steps.lengths[2] >= 2
    mean = steps.row(2).mean(axis=0)
    np.testing.assert_allclose(mean / np.linalg.norm(mean), StaticVectors().prepare(Lazy(["dog house"])).values[0], atol=1e-6)
    assert StaticVectors().prepare(Lazy([("a", "b"), ("c",)])).lengths.tolist() == [2, 1]
    assert StaticVectors(tokens=True).prepare(Lazy([None, ""])).lengths.tolist() == [0, 0]
