"""Real pairs of pictures and texts, where they are at hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import loadmat

from mcgurk.data import Dataset, Dense
from mcgurk.metrics import retrieval


@pytest.fixture(scope="session")
def wikipedia(data_root):
    """(training Dataset, test Dataset, training classes, test classes) of Rasiwasia et al. 2010."""
    folder = data_root("wikipedia")
    raw = loadmat(folder / "raw_features.mat")

    def classes(part):
        return np.array([int(line.split()[-1]) for line in (folder / f"{part}set_txt_img_cat.list").read_text().splitlines()])

    def rows(part):
        return Dataset({"image": Dense(raw[f"I_{part}"].astype(float)), "text": Dense(raw[f"T_{part}"].astype(float))})

    return rows("tr"), rows("te"), classes("train"), classes("test")


@pytest.fixture(scope="session")
def both_ways():
    """mAP of ranking the second column by the first, and the first by the second."""

    def score(model, X, y):
        Z = model.transform(X)
        cosine = model.similarity(Z[X.names[0]].values, Z[X.names[1]].values)
        relevant = retrieval.relevance_of_labels(y, y)
        return retrieval.mean_average_precision(cosine, relevant), retrieval.mean_average_precision(cosine.T, relevant)

    return score
