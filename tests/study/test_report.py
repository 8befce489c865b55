"""What the report prints: counts, p values, gains that hold at once, who stayed out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mcgurk.registry import Candidate
from mcgurk.study.compare import compare, networks
from mcgurk.study.report import across, count, html, p_value, view


@pytest.mark.parametrize(("value", "said"), [(None, "–"), (np.nan, "–"), (9482, "9,482"), (1.26e6, "1.3 million"), (0.0, "0")])
def test_counts(value, said) -> None:
    assert count(value) == said


@pytest.mark.parametrize(("value", "said"), [(np.nan, "–"), (0.0213, "0.021"), (1e-9, "< 0.001"), (1.0, "1.000")])
def test_p_values(value, said) -> None:
    assert p_value(value) == said


def test_a_gain_has_the_interval_of_all_where_it_is_one_of_many() -> None:
    row = SimpleNamespace(gain_low=0.1, gain_high=0.3, gain_all_low=0.0, gain_all_high=0.4)
    assert across(row) == (0.0, 0.4)
    row.gain_all_low = np.nan
    assert across(row) == (0.1, 0.3)


def test_everybody_is_in_the_figures_and_the_rest_has_reasons(planted, fakes) -> None:
    X, y, groups = planted
    dear = Candidate("layer:dear", fakes.Linear, X.names, "layer", "layer:dear", cost=900)
    broken = Candidate("broken", fakes.Broken, X.names, "layer", "broken", paper="Nobody 2001", note="reads sequences")
    entered = [*fakes.contestants(X.names), broken, dear]
    result = compare(X, y, groups=groups, budget=3, folds=2, repeats=1, candidates=entered, fusions="mfas")
    page = view(result)
    assert [line["label"] for line in page["details"]] == result.table["label"].tolist() and page["tests"] == 5
    assert page["absent"] == [
        ("mfas", "it fuses 2 modalities, and the data has 3"),
        ("layer:dear", "left out to keep to about 3 min, the dearest first"),
        ("broken", "failed: ValueError: this method cannot do that [E99]"),
    ]
    written = html(result)
    assert "for all 5 of them at once (Bonferroni)" in written and 'class="cards"' in written and "mfas" in written
    assert result.plan["rule"] in written


def test_networks_have_their_settings_told_once() -> None:
    made = {"a": {"epochs": 60, "patience": 12}, "b": {"epochs": 60, "patience": None}, "c": {"epochs": 5}}
    candidates = [
        Candidate(n, lambda p=p: SimpleNamespace(get_params=lambda deep: p), ("x",), "layer" if n != "c" else "single", n)
        for n, p in made.items()
    ]
    assert networks(SimpleNamespace(candidates=candidates)) == {"epochs": "60", "patience": ["12", "None"]}
