"""Errors are caught as the built-in kind they are, and carry a code."""

from __future__ import annotations

import inspect

import pytest

from mcgurk import errors


def test_every_error_is_ours_and_has_a_code() -> None:
    classes = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    for cls in classes:
        assert cls("said").code and str(cls("said")) == "said"
        assert issubclass(cls, errors.McgurkError | errors.McgurkWarning)


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.DataError, ValueError),
        (errors.MissingModality, ValueError),
        (errors.UnknownName, LookupError),
        (errors.MissingPackage, ImportError),
        (errors.NotFittedError, AttributeError),
    ],
)
def test_callers_may_catch_the_builtin(cls, builtin) -> None:
    with pytest.raises(builtin):
        raise cls("said")


def test_a_code_can_be_more_precise() -> None:
    assert errors.DataError("said", code="N01").code == "N01" and errors.DataError("said").code == "D00"
    assert errors.McgurkWarning("seen", code="M03").code == "M03"


def test_listing_is_never_a_wall() -> None:
    assert errors.listing("abc") == "a, b, c" and errors.listing(range(7), 2) == "0, 1 and 5 more"
