"""Who is recommended, and the table of gains."""

from __future__ import annotations

import pytest

from mcgurk.registry import Candidate
from mcgurk.study import verdict
from mcgurk.study.compare import compare
from mcgurk.study.interval import Estimate
from mcgurk.study.score import figure
from mcgurk.study.worth import recommended, simplest_baseline


class Paper:
    """A board whose figures are given: name -> (figure, half the interval of its differences)."""

    def __init__(self, figures: dict[str, tuple[float, float]], families: dict[str, str] | None = None) -> None:
        simple = {"average": 0, "boosting": 3}
        families = {"average": "baseline", "boosting": "baseline", **(families or {})}
        self.figures = figures
        self.candidates = tuple(
            Candidate(name, object, ("x",), families.get(name, "single"), name, 1.0, simple.get(name, place), name)
            for place, name in enumerate(figures, 1)
        )

    def gain(self, name: str, over: str, gone: str = "", over_gone: str = "", among: int = 1) -> Estimate:
        value = self.figures[name][0] - self.figures[over][0]
        half = max(self.figures[name][1], self.figures[over][1])
        return Estimate(value, value - half, value + half, half / 2, 0.5)

    def ranked(self, candidates):
        return sorted(candidates, key=lambda c: -self.figures[c.name][0])


@pytest.mark.parametrize(
    ("figures", "chosen"),
    [
        # the kitchen is within one standard error of the best, but may be worth no more than the average
        ({"average": (0.50, 0.02), "kitchen": (0.56, 0.20), "table": (0.60, 0.03), "early": (0.62, 0.05)}, "table"),
        # nothing is shown to beat the average: the simplest within one standard error, as ever
        ({"average": (0.50, 0.30), "kitchen": (0.56, 0.30), "table": (0.60, 0.30)}, "average"),
        # nothing is shown to, and the average is not within one standard error: the best, or simplicity would decide alone
        ({"average": (0.50, 0.12), "kitchen": (0.58, 0.12), "table": (0.60, 0.12)}, "table"),
        # whoever came first is not shown to beat it, others are
        ({"average": (0.50, 0.02), "table": (0.60, 0.05), "lucky": (0.70, 0.40)}, "table"),
        # narrow intervals: the best
        ({"average": (0.50, 0.01), "kitchen": (0.56, 0.01), "early": (0.62, 0.01)}, "early"),
    ],
)
def test_nothing_is_recommended_that_may_be_worth_no_more_than_the_average(figures, chosen) -> None:
    board = Paper(figures)
    assert simplest_baseline(board).name == "average"
    assert recommended(board).name == chosen


def test_an_automatic_choice_stands_aside_and_boosting_may_be_recommended() -> None:
    figures = {"average": (0.5, 0.01), "auto": (0.9, 0.01), "boosting": (0.7, 0.01)}
    assert recommended(Paper(figures, {"auto": "auto"})).name == "boosting"


def test_without_a_baseline_the_rule_is_the_standard_error_alone() -> None:
    board = Paper({"kitchen": (0.56, 0.2), "table": (0.60, 0.2)})
    assert simplest_baseline(board) is None and recommended(board).name == "kitchen"


class Shown(Paper):
    """With what a sentence needs."""

    figure = figure("accuracy", "classes")

    def score(self, name: str) -> Estimate:
        value, half = self.figures[name]
        return Estimate(value, value - half, value + half, half / 2, 0.0)


@pytest.mark.parametrize(
    ("first", "said"), [((0.70, 0.40), "lucky (0.700; better by"), ((0.62, 0.05), "within one standard error of the best, lucky")]
)
def test_the_sentence_says_so_when_the_first_is_passed_over(first, said) -> None:
    board = Shown({"average": (0.50, 0.02), "table": (0.61, 0.05), "lucky": first})
    sentence = verdict._use(board, verdict.Words(board), recommended(board))
    assert sentence.startswith("Use table") and said in sentence
    assert ("came first but was not shown to" in sentence) == (first[1] > 0.3)


def test_gains_are_given_alone_and_all_at_once(planted, fakes) -> None:
    X, y, groups = planted
    table = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)).table.set_index("name")
    many = table[table["gain_p_holm"].notna()]
    assert len(many) == 5 and table.loc["majority", ["gain_all_low", "gain_all_high"]].isna().all()
    assert (many["gain_all_low"] < many["gain_low"]).all() and (many["gain_high"] < many["gain_all_high"]).all()
    alone = (many["gain_all_low"] > 0) | (many["gain_all_high"] < 0)
    assert ((many["gain_p"] * len(many) < 0.05) == alone).all()


def test_who_may_come_first() -> None:
    board = Paper({"average": (0.5, 0.1), "auto": (0.6, 0.1)}, {"auto": "auto"})
    assert [c.name for c in verdict.rivals(board)] == ["average"]
    assert [c.name for c in verdict.rivals(Paper({"auto": (0.6, 0.1)}, {"auto": "auto"}))] == ["auto"]
