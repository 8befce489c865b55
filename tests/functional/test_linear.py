"""Linear models agree with scikit-learn's, which minimise the same functions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression, PoissonRegressor

from mcgurk.errors import DataError, McgurkWarning
from mcgurk.functional import linear
from mcgurk.functional._newton import Design, minimise


def problem(n, p, k, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + rng.standard_normal((n, 1))
    scores = X @ rng.standard_normal((p, k)) / np.sqrt(p)
    return X, np.argmax(scores + rng.gumbel(size=(n, k)), axis=1)


def reference(X, y, C=1.0, weight=None):
    model = LogisticRegression(C=C, tol=1e-12, max_iter=20_000).fit(X, y, sample_weight=weight)
    return model.coef_, model.intercept_


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize(("n", "p"), [(150, 8), (40, 90)])
@pytest.mark.parametrize("C", [0.1, 1.0])
def test_logistic_equals_scikit_learn(n, p, k, C):
    X, y = problem(n, p, k)
    coef, intercept = linear.fit_logistic(X, y, k, C=C)
    expected_coef, expected_intercept = reference(X, y, C)
    assert coef.shape == (1 if k == 2 else k, p)
    np.testing.assert_allclose(coef, expected_coef, atol=1e-5)
    np.testing.assert_allclose(intercept, expected_intercept, atol=2e-5)


@pytest.mark.parametrize("k", [2, 3])
def test_weights_equal_repeated_rows_and_scikit_learn(k):
    X, y = problem(80, 5, k)
    weight = np.arange(80) % 4
    coef, intercept = linear.fit_logistic(X, y, k, weight=weight)
    repeated = np.repeat(np.arange(80), weight)
    again, _ = linear.fit_logistic(X[repeated], y[repeated], k)
    np.testing.assert_allclose(coef, again, atol=1e-6)
    np.testing.assert_allclose(coef, reference(X, y, weight=weight)[0], atol=1e-5)
    np.testing.assert_allclose(intercept, reference(X, y, weight=weight)[1], atol=1e-5)


@pytest.mark.parametrize("k", [2, 3])
def test_sparse_equals_dense(k):
    X, y = problem(120, 200, k)
    X[np.random.default_rng(1).random(X.shape) < 0.9] = 0
    dense, sparse_fit = linear.fit_logistic(X, y, k), linear.fit_logistic(sparse.csr_array(X), y, k)
    np.testing.assert_allclose(dense[0], sparse_fit[0], atol=1e-6)
    np.testing.assert_allclose(dense[1], sparse_fit[1], atol=1e-5)
    np.testing.assert_allclose(linear.scores(X, *dense), linear.scores(sparse.csr_array(X), *dense), atol=1e-12)


def test_path_is_the_single_fits_in_the_order_given():
    X, y = problem(60, 10, 3)
    Cs = [10.0, 0.01, 1.0]
    coefs, intercepts = linear.fit_logistic_path(X, y, 3, Cs)
    for i, C in enumerate(Cs):
        coef, intercept = linear.fit_logistic(X, y, 3, C=C)
        np.testing.assert_allclose(coefs[i], coef, atol=1e-6)
        np.testing.assert_allclose(intercepts[i], intercept, atol=1e-5)


def test_same_call_same_bits():
    X, y = problem(60, 80, 3)
    np.testing.assert_array_equal(linear.fit_logistic(X, y, 3)[0], linear.fit_logistic(X, y, 3)[0])


def test_separable_data_with_a_weak_penalty_still_converge():
    X = np.repeat([[-1.0], [1.0]], 50, axis=0)
    y = np.repeat([0, 1], 50)
    coef, _ = linear.fit_logistic(X, y, 2, C=1e4)
    np.testing.assert_allclose(coef, reference(X, y, 1e4)[0], atol=1e-3)


def test_duplicated_rows_in_a_wide_matrix():
    X, y = problem(10, 50, 2)
    X, y = np.vstack([X, X]), np.r_[y, y]
    np.testing.assert_allclose(linear.fit_logistic(X, y, 2)[0], reference(X, y)[0], atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_class_without_rows_gets_a_small_probability(n_classes):
    X, y = problem(50, 3, 2)
    y = np.zeros_like(y) if n_classes == 2 else y
    raw = linear.scores(X, *linear.fit_logistic(X, y, n_classes))
    p = np.exp(linear.log_proba(raw))[:, n_classes - 1]
    assert 0.3 / 51 < p.mean() < 3 / 51


def test_one_class_of_three():
    p = np.exp(linear.log_proba(linear.scores(np.ones((1, 2)), *linear.fit_logistic(np.ones((9, 2)), np.full(9, 1), 3))))
    np.testing.assert_allclose(p, [[1 / 12, 10 / 12, 1 / 12]])


def test_zero_columns_and_log_proba():
    raw = linear.scores(np.zeros((2, 3)), *linear.fit_logistic(np.zeros((5, 3)), np.array([0, 1, 1, 1, 0]), 2))
    np.testing.assert_allclose(np.exp(linear.log_proba(raw)), [[0.4, 0.6]] * 2)
    np.testing.assert_allclose(np.exp(linear.log_proba(np.array([[0.0, np.log(3.0), 0.0]]))), [[0.2, 0.6, 0.2]])


def test_multilabel_is_one_binary_model_a_label():
    X, y = problem(100, 6, 2)
    z = np.random.default_rng(2).integers(0, 2, 100)
    Y = np.column_stack([y, z]).astype(float)
    Y[:20, 1] = np.nan
    coef, intercept = linear.fit_multilabel(X, Y)
    np.testing.assert_allclose(coef[0], linear.fit_logistic(X, y, 2)[0][0], atol=1e-6)
    np.testing.assert_allclose(coef[1], linear.fit_logistic(X[20:], z[20:], 2)[0][0], atol=1e-6)
    assert intercept.shape == (2,)


def test_multilabel_constant_label_does_not_raise():
    X, y = problem(30, 2, 2)
    coef, intercept = linear.fit_multilabel(X, np.column_stack([y, np.ones(30)]))
    np.testing.assert_array_equal(coef[1], 0)
    assert intercept[1] == pytest.approx(np.log(31))


def test_poisson_equals_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 4))
    y = rng.poisson(np.exp(0.3 + X @ np.array([0.5, -0.2, 0.0, 0.4]))).astype(float)
    weight = rng.uniform(0.5, 2.0, 200)
    coef, intercept = linear.fit_poisson(X, y, C=0.7, weight=weight)
    model = PoissonRegressor(alpha=1 / (0.7 * weight.sum()), tol=1e-12, max_iter=10_000).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(coef[0], model.coef_, atol=1e-5)
    assert intercept[0] == pytest.approx(model.intercept_, abs=1e-5)


def test_poisson_offset_is_exposure():
    rng = np.random.default_rng(1)
    X, exposure = rng.standard_normal((4000, 1)), rng.uniform(1, 20, 4000)
    y = rng.poisson(exposure * np.exp(0.5 * X[:, 0] - 1.0)).astype(float)
    coef, intercept = linear.fit_poisson(sparse.csr_array(X), y, offset=np.log(exposure))
    assert coef[0, 0] == pytest.approx(0.5, abs=0.03)
    assert intercept[0] == pytest.approx(-1.0, abs=0.03)


def test_too_few_steps_warn():
    X, y = problem(50, 5, 2)
    with pytest.warns(McgurkWarning, match="no convergence") as caught:
        minimise(Design(X), linear._Binary(y.astype(float)), np.ones(50), np.zeros((6, 1)), max_iter=1)
    assert caught[0].message.code == "O01"


def test_values_beyond_arithmetic_are_refused():
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(DataError, match="scale its columns"):
        linear.fit_logistic(1e200 * np.random.default_rng(0).standard_normal((3, 9)), np.array([0, 1, 0]), 2)


X0, Y0 = np.ones((4, 2)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("call", "match", "code"),
    [
        (lambda: linear.fit_logistic(np.ones(4), Y0, 2), "X has shape", "D00"),
        (lambda: linear.fit_logistic(np.ones((0, 2)), Y0[:0], 2), "at least 1", "S01"),
        (lambda: linear.fit_logistic(sparse.csr_array((0, 2)), Y0[:0], 2), "at least 1", "S01"),
        (lambda: linear.fit_logistic(np.array([[1.0], [np.inf]]), Y0[:2], 2), "position \\(1, 0\\)", "N01"),
        (lambda: linear.fit_logistic(X0, Y0 * 1.0, 2), "integer class codes", "D00"),
        (lambda: linear.fit_logistic(X0, Y0[:3], 2), "expected 4", "D00"),
        (lambda: linear.fit_logistic(X0, Y0 + 1, 2), "from 1 to 2", "L01"),
        (lambda: linear.fit_logistic(X0, Y0, 1), "at least 2 classes", "S01"),
        (lambda: linear.fit_logistic(X0, Y0, 2, C=0), "C is 0", "D00"),
        (lambda: linear.fit_logistic(X0, Y0, 2, weight=np.zeros(4)), "positive sum", "D00"),
        (lambda: linear.fit_logistic(X0, Y0, 2, weight=np.ones((4, 1))), "one number per row", "D00"),
        (lambda: linear.fit_multilabel(X0, np.full((4, 1), 2.0)), "other than 0, 1", "L01"),
        (lambda: linear.fit_multilabel(X0, np.ones((3, 1))), "3 rows and X 4", "D00"),
        (lambda: linear.fit_multilabel(X0, np.full((4, 1), np.nan)), "no labelled row", "S01"),
        (lambda: linear.fit_poisson(X0, -Y0 * 1.0), "negative count", "L01"),
        (lambda: linear.fit_poisson(X0, np.zeros(4)), "every count is zero", "S01"),
    ],
)
def test_errors_say_what_to_do(call, match, code):
    with pytest.raises(DataError, match=match) as caught:
        call()
    assert caught.value.code == code
