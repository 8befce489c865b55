"""Results show themselves in notebooks: well-formed HTML with the figures in it, markup in the data escaped."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mcgurk as mg
from mcgurk.data.describe import describe
from mcgurk.results import Alignment, Hits, Report, Trace

EMPTY = {"br", "hr", "img", "input", "link", "meta"}


class Balanced(HTMLParser):
    """Fails on a tag that is closed but not open, or left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def shown(value: Any) -> str:
    """The text a notebook would show."""
    page = Balanced()
    page.feed(value._repr_html_())
    page.close()
    assert not page.open
    return " ".join(" ".join(page.text).split())


@pytest.fixture(scope="module")
def X() -> mg.Dataset:
    return mg.Dataset({"size": mg.Dense(np.arange(40.0)[:, None]), "<b>caption": mg.Lazy(["red <i> dress", None] * 20)})


def test_dataset(X: mg.Dataset) -> None:
    said = shown(X)
    assert "40 rows" in said and "<b>caption" in said and "50 %" in said


def test_description(X: mg.Dataset) -> None:
    assert "40 rows" in shown(describe(X)) and "N02" in shown(describe(X))


def test_reading(tmp_path: Any) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1.5,red dress of cotton\n2.5,blue jeans and a shirt\n")
    assert "its cells are numbers" in shown(mg.read_csv(tmp_path / "t.csv", explain=True))


def test_comparison() -> None:
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=(60, 2)), "b": rng.normal(size=(60, 2))}
    result = mg.compare(X, X["a"][:, 0] > 0, budget="quick", candidates=["single:*"], folds=2, repeats=1, progress=False)
    said = shown(result)
    assert result.sentences[0] in said and "score" in said


@pytest.mark.parametrize(
    ("value", "figure"),
    [
        (Report(pd.DataFrame({"measure": ["interaction"], "nats": [0.1234]})), "0.1234"),
        (Alignment(np.array([0, 1]), np.array([0, 1]), np.ones(2), 0.5, (2, 2)), "weight"),
        (Hits(np.array([[3, 1]]), np.array([[0.9, 0.25]])), "0.25"),
        (Trace(({"step": "look", "value": 2},), answer=2), "look"),
    ],
    ids=["Report", "Alignment", "Hits", "Trace"],
)
def test_results(value: Any, figure: str) -> None:
    assert figure in shown(value)


def test_estimators() -> None:
    assert "FusionClassifier" in mg.FusionClassifier(fusion="late")._repr_html_()
