"""A table's cells: what is learned, what is missing, what is rare, what is unseen."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Dense, Field
from mcgurk.encoders import TabularEncoder
from mcgurk.errors import DataError

DAY = np.datetime64("1970-01-01")


def table(values, *fields: Field, present=None) -> Dense:
    return Dense(np.array(values, float), None if present is None else np.array(present), "tabular", fields)


def fitted(column: Dense, **params) -> TabularEncoder:
    encoder = TabularEncoder(**params)
    encoder.prepare_fit(column)
    return encoder


def test_missing_numbers_take_the_training_median_and_a_flag():
    column = table([[1.0, 5], [2, 6], [9, 7], [np.nan, 8]], Field("a"), Field("b"))
    encoder = fitted(column)
    assert encoder.names_ == ("a", "a is missing", "b")
    assert encoder.prepare(column).values.tolist() == [[1, 0, 5], [2, 0, 6], [9, 0, 7], [2, 1, 8]]
    later = encoder.prepare(table([[4.0, np.nan]], Field("a"), Field("b")))
    assert later.values.tolist() == [[4, 0, 6.5]], "a gap where training had none is the centre, without a flag that never trained"


def test_rows_not_in_training_teach_nothing():
    train = table([[1.0], [3.0]], Field("a"))
    encoder = fitted(train)
    before = encoder.learned()
    encoder.prepare(table([[100.0]], Field("a")))
    assert encoder.learned() == before and encoder.plan_[0]["center"] == 2.0


def test_absent_rows_are_zero_whatever_stands_there():
    column = table([[1.0, 0], [np.nan, np.nan], [3.0, 1]], Field("a"), Field("c", "category", ("x", "y")), present=[True, False, True])
    poisoned = table([[1.0, 0], [77, 1], [3.0, 1]], Field("a"), Field("c", "category", ("x", "y")), present=[True, False, True])
    one, two = fitted(column, rare=1), fitted(poisoned, rare=1)
    assert one.fingerprint() == two.fingerprint()
    np.testing.assert_array_equal(one.prepare(column).values, two.prepare(poisoned).values)
    assert not two.prepare(poisoned).values[1].any() and two.prepare(poisoned).present.tolist() == [True, False, True]


def test_rare_levels_share_a_column_and_unseen_ones_are_zero():
    field = Field("c", "category", ("p", "q", "r", "s", "t"))
    column = table([[0], [0], [0], [1], [1], [2], [3]], field)
    encoder = fitted(column)
    assert encoder.names_ == ("c=p", "c=q", "c=(rare)")
    out = encoder.prepare(table([[0], [1], [2], [3], [4], [np.nan]], field, present=[True] * 6)).values
    assert out.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_the_most_frequent_levels_get_columns():
    field = Field("c", "category", tuple("abcd"))
    encoder = fitted(table([[3], [3], [3], [1], [1], [0], [0], [2], [2]], field), max_levels=2)
    assert encoder.names_ == ("c=a", "c=d", "c=(rare)")


def test_dates_lie_on_circles():
    days = [float((np.datetime64(d) - DAY).astype(int)) for d in ("2024-01-01", "2024-07-01", "2023-12-31", "2024-01-08")]
    encoder = fitted(table([[d] for d in days], Field("d", "date")))
    assert encoder.names_ == ("d days", "d year", "d month cos", "d month sin", "d weekday cos", "d weekday sin")
    out = encoder.prepare(table([[d] for d in days], Field("d", "date"))).values
    assert out[:, 0].tolist() == days and out[:, 1].tolist() == [2024, 2024, 2023, 2024]
    np.testing.assert_allclose(out[0, 2:4], [1, 0], atol=1e-12)
    np.testing.assert_allclose(out[0, 4:], [1, 0], atol=1e-12)  # 2024-01-01 was a Monday
    np.testing.assert_allclose(out[1, 2:4], [np.cos(2 * np.pi * 182 / 366), np.sin(2 * np.pi * 182 / 366)])
    assert np.linalg.norm(out[2, 2:4] - out[0, 2:4]) < 0.02, "New Year's Eve lies beside New Year"
    np.testing.assert_allclose(out[0, 4:], out[3, 4:], atol=1e-12)


def test_dates_with_a_time_get_the_circle_of_the_day_and_gaps_its_centre():
    column = table([[0.25], [np.nan], [1.5]], Field("d", "date"), present=[True] * 3)
    encoder = fitted(column)
    assert encoder.names_[-3:] == ("d hour cos", "d hour sin", "d is missing")
    out = encoder.prepare(column).values
    np.testing.assert_allclose(out[0, 6:], [0, 1, 0], atol=1e-12)
    assert out[1].tolist() == [0.875, 1970, 0, 0, 0, 0, 0, 0, 1]


def test_dates_before_1970_have_the_right_year():
    encoder = fitted(table([[-1.0], [-366.0]], Field("d", "date")))
    assert encoder.prepare(table([[-1.0], [-366.0]], Field("d", "date"))).values[:, 1].tolist() == [1969, 1968]


def test_log_and_auto_tame_tails():
    cells = np.concatenate([np.arange(100.0), [1e6]])[:, None]
    column = table(np.concatenate([cells, cells % 7], axis=1), Field("money"), Field("plain"))
    plain, log, auto = (fitted(column, transform=t).prepare(column).values for t in (None, "log", "auto"))
    assert plain[-1, 0] == 1e6 and 5 < log[-1, 0] < 20
    np.testing.assert_array_equal(auto[:, 0], log[:, 0])
    np.testing.assert_array_equal(auto[:, 1], plain[:, 1])
    assert (np.diff(log[:, 0]) > 0).all(), "order is kept"


def test_quantiles_are_normal_scores():
    values = np.random.default_rng(0).lognormal(size=2001)[:, None]
    encoder = fitted(table(values, Field("x")), transform="quantile")
    out = encoder.prepare(table(values, Field("x"))).values[:, 0]
    assert abs(out.mean()) < 0.01 and abs(out.std() - 1) < 0.02
    ends = encoder.prepare(table([[-1e9], [1e9]], Field("x"))).values[:, 0]
    assert np.isfinite(ends).all() and ends[0] <= out.min() and ends[1] >= out.max()
    tied = table([[0.0]] * 5 + [[1.0]] * 5, Field("x"))
    assert np.allclose(np.unique(fitted(tied, transform="quantile").prepare(tied).values), [-0.6745, 0.6745], atol=1e-3)


def test_constant_empty_and_all_missing_fields():
    column = table([[3.0, np.nan], [3.0, np.nan]], Field("k"), Field("gone"))
    for transform in (None, "log", "quantile", "auto"):
        assert np.isfinite(fitted(column, transform=transform).prepare(column).values).all()
    nothing = table([[np.nan], [np.nan]], Field("c", "category", ("a",)))
    encoder = fitted(nothing)
    assert encoder.names_ == ("(nothing observed)",) and encoder.prepare(nothing).values.tolist() == [[0], [0]]


def test_other_fields_and_other_columns_are_refused():
    encoder = fitted(table([[1.0]], Field("a")))
    with pytest.raises(DataError, match="same fields"):
        encoder.prepare(table([[1.0]], Field("b")))
    with pytest.raises(DataError, match="tabular column"):
        encoder.prepare(Dense(np.zeros((1, 1))))
    with pytest.raises(DataError, match="transform='ranks'"):
        fitted(table([[1.0]], Field("a")), transform="ranks")


def test_auto_takes_logarithms_of_positive_skewed_fields_only():
    rng = np.random.default_rng(0)
    cells = np.stack([rng.lognormal(3, 1, 300), rng.normal(50, 5, 300), rng.integers(1, 4, 300)], axis=1)
    fields = Field("price"), Field("height"), Field("stars")
    encoder = fitted(table(cells, *fields))
    out = encoder.prepare(table(cells, *fields)).values
    np.testing.assert_allclose(out[:, 0], np.log(cells[:, 0]))
    np.testing.assert_array_equal(out[:, 1:], cells[:, 1:])
    later = encoder.prepare(table([[0.0, 50, 1], [-3.0, 50, 1]], *fields)).values
    np.testing.assert_allclose(later[:, 0], np.log(cells[:, 0].min()))  # what has no logarithm counts as the smallest training cell
