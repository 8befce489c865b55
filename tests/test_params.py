"""scikit-learn's parameter protocol, and what may be learned from a file."""

from __future__ import annotations

import pytest
from sklearn.base import clone

from mcgurk.errors import StoreError, UnknownName
from mcgurk.params import Params, learn


class Inner(Params):
    def __init__(self, depth: int = 1) -> None:
        self.depth = depth


class Outer(Params):
    def __init__(self, width: int = 4, inner: object = None, *, name: str = "x") -> None:
        self.width = width
        self.inner = inner
        self.name = name

    @property
    def words_(self) -> int:
        return 1

    def fill_(self) -> None:
        """A method whose name looks learned."""


def test_parameters_are_read_as_given() -> None:
    inner = Inner(3)
    outer = Outer(inner=inner)
    assert outer.get_params() == {"width": 4, "inner": inner, "name": "x", "inner__depth": 3}
    assert outer.get_params(deep=False)["inner"] is inner
    assert Outer(inner=Inner).get_params() == {"width": 4, "inner": Inner, "name": "x"}  # a class has no parameters of its own


def test_parameters_are_set_inner_ones_too() -> None:
    outer = Outer(inner=Inner())
    assert outer.set_params(width=2, inner__depth=5) is outer
    assert (outer.width, outer.inner.depth) == (2, 5)
    with pytest.raises(UnknownName, match="Outer has no parameter 'height'; it has width, inner, name"):
        outer.set_params(height=1)


def test_clone_copies_and_repr_says_what_differs() -> None:
    outer = Outer(7, Inner(2))
    copy = clone(outer)
    assert repr(copy) == repr(outer) == "Outer(width=7, inner=Inner(depth=2))" and copy.inner is not outer.inner


@pytest.mark.parametrize("key", ["__class__", "_hidden_", "__init__", "depth", "get_params", "fill_", "words_", ""])
def test_only_learned_attributes_are_set(key: str) -> None:
    with pytest.raises(StoreError, match="was not written by mcgurk") as caught:
        learn(Outer(), {key: 1})
    assert caught.value.code == "S05"


def test_learned_attributes_are_set() -> None:
    thing = Outer()
    learn(thing, {"levels_": (1, 2)})
    assert thing.levels_ == (1, 2)
