"""Handwritten digits cut in two: a small real task where each half alone is worse than both."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset


def load_digits_halves() -> tuple[Dataset, np.ndarray]:
    """scikit-learn's 1,797 digits of 8 x 8 pixels as a left and a right half.

    Multinomial logistic regression (C = 1) on rows 0 to 1199, accuracy on the rest: left .781, right .826, concatenated .921,
    mean of the two decisions .881, product .906.

    When not to use it: where the writers matter. They are not recorded, so no split keeps a writer on one side.

    Shapes:
        ``left``, ``right``: (1797, 32) pixels divided by 16; X.rows["split"] is "train" for the first 1,200 rows and "test"
        after; y: (1797,) int.

    Source: Alpaydin, Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), as shipped by scikit-learn.

    Example:
        >>> from mcgurk.datasets import load_digits_halves
        >>> X, y = load_digits_halves()
        >>> X.names, X["left"].values.shape
        (('left', 'right'), (1797, 32))
    """
    import pandas as pd
    from sklearn.datasets import load_digits

    images, y = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16.0
    halves = {"left": Dense(images[:, :, :4].reshape(-1, 32)), "right": Dense(images[:, :, 4:].reshape(-1, 32))}
    rows = pd.DataFrame({"split": np.where(np.arange(len(y)) < 1200, "train", "test")})
    return Dataset(halves, rows=rows), y
