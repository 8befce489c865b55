"""Windows over streams with clocks of their own: the known answers of data synchronisation, and a slow reference."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data.grid import Grid
from mcgurk.data.tier import Tier
from mcgurk.data.timeline import IntervalTrack, PointTrack, RegularTrack, Timeline
from mcgurk.errors import DataError, McgurkWarning

RNG = np.random.default_rng(0)


def signal(count: int = 10, rate: object = 10, quantity: str = "intensive", **more: object) -> RegularTrack:
    return RegularTrack(np.arange(float(count)), rate, quantity, **more)


def one(track: object, grid: Grid, rule: str | tuple[str, ...] | None = None, **options: object):
    return grid.apply(Timeline({"a": track}), None if rule is None else {"a": rule}, **options)


def test_first_windows_by_hand() -> None:
    """Check: 10 Hz, values 0 to 9, windows of 0.25 s: 0.8, 3.2."""
    X = one(signal(), Grid("1/4"))
    assert X["a"].values[:2, 0] == pytest.approx([0.8, 3.2])
    assert len(X) == 4 and X["a"].present.all()


@pytest.mark.parametrize("rate", [10, Fraction(30000, 1001), 7])
@pytest.mark.parametrize("width", ["1/4", "1/3", 1])
def test_extensive_sums_are_kept(rate: Fraction, width: str) -> None:
    """Check: over a tiling the sums of windows are the sum of the samples, to 1e-12."""
    values = RNG.normal(size=(200, 2)) + 5
    track = RegularTrack(values, rate, "extensive", t0="1/7")
    start, end = track.span
    count = int((end - start) / Fraction(width)) + 1
    X = one(track, Grid(width, n=count), min_coverage=0)
    assert X["a"].values.sum(axis=0) == pytest.approx(values.sum(axis=0), rel=1e-12)


def test_coverage_weighted_mean_is_the_global_mean() -> None:
    """Check: sum c_k mean_k / sum c_k over a tiling is the duration-weighted mean of what was seen."""
    values = RNG.normal(size=97)
    values[20:33] = np.nan
    track = RegularTrack(values, 10, "intensive")
    X = one(track, Grid("7/10", n=14), min_coverage=0)
    coverage = X.rows["coverage.a"].to_numpy()
    assert (coverage * X["a"].values[:, 0]).sum() / coverage.sum() == pytest.approx(np.nanmean(values))


@pytest.mark.parametrize("shift", [Fraction(1, 3), 1000, "-17/9"])
def test_shifting_all_clocks_changes_nothing(shift: Fraction) -> None:
    """Check: any constant."""
    grid, names = Grid("3/10"), {"pitch": ("mean", "median", "slope"), "word": ("vote", "count"), "blink": "sum"}

    def tracks(by: Fraction) -> Timeline:
        words = IntervalTrack(np.array([0.1, 1.0]) + float(by), np.array([0.8, 2.4]) + float(by), ["ba", "ga"])
        return Timeline({"pitch": signal(30, 10, t0=by), "word": words, "blink": PointTrack(np.array([0.5, 1.1]) + float(by))})

    here, there = grid.apply(tracks(Fraction(0)), names), grid.apply(tracks(Fraction(shift)), names)
    for name in here.names:
        assert there[name].values == pytest.approx(here[name].values, nan_ok=True, abs=1e-6)
        assert (there[name].present == here[name].present).all()
    assert there.rows["start"].to_numpy() - here.rows["start"].to_numpy() == pytest.approx(np.full(len(here), float(Fraction(shift))))


def test_shifting_one_stream_by_hops_shifts_its_rows() -> None:
    """Check: by j hops, j rows."""
    values = RNG.normal(size=100)
    still, moved = (RegularTrack(values, 20, "intensive", t0=t0) for t0 in (0, Fraction(3, 2)))
    other = RegularTrack(np.zeros(100), 20, "intensive")
    grid = Grid("1/2", span="union")
    a = grid.apply(Timeline({"a": still, "b": other}))["a"].values[:, 0]
    b = grid.apply(Timeline({"a": moved, "b": other}))["a"].values[:, 0]
    assert b[3 : 3 + len(a)] == pytest.approx(a)


def test_an_hour_of_broadcast_frames() -> None:
    """Check: 30000/1001 frames a second, windows of 2 s: 1,800 windows, the last covers [3598, 3600)."""
    track = RegularTrack(np.zeros(107893), "30000/1001", "intensive")
    X = one(track, Grid("2s"))
    assert len(X) == 1800 and X.rows["start"].iloc[-1] == 3598 and X.rows["end"].iloc[-1] == 3600
    assert X.rows["coverage.a"].to_numpy() == pytest.approx(np.ones(1800))


def test_empty_tracks_and_missing_tracks_are_absent() -> None:
    """Check: mask False, no exception, no NaN in valid rows."""
    full = Timeline({"a": signal(), "e": RegularTrack(np.zeros((0, 1)), 10, "intensive"), "p": PointTrack([])})
    bare = Timeline({"a": RegularTrack(np.full(10, np.nan), 10, "intensive")})
    X = Grid("1/2").apply([full, bare])
    assert X["e"].present.tolist() == [False] * 4 and X["a"].present.tolist() == [True, True, False, False]
    assert X["p"].present.tolist() == [True, True, False, False] and X["p"].values[:2, 0].tolist() == [0, 0]
    assert all(np.isfinite(X[n].values[X[n].present]).all() for n in X.names)
    assert X.rows["timeline"].tolist() == [0, 0, 1, 1]


def test_gaps_below_the_coverage_are_absent() -> None:
    values = np.arange(10.0)
    values[5:8] = np.nan
    X = one(RegularTrack(values, 10, "intensive"), Grid("1/2"))
    assert X["a"].present.tolist() == [True, False] and X.rows["coverage.a"].tolist() == pytest.approx([1.0, 0.4])
    assert one(RegularTrack(values, 10, "intensive"), Grid("1/2"), min_coverage=0.3)["a"].values[1, 0] == pytest.approx(8.5)


def test_valid_flags_count_as_gaps() -> None:
    valid = np.ones(10, dtype=bool)
    valid[:5] = False
    assert one(signal(valid=valid), Grid("1/2"))["a"].present.tolist() == [False, True]


RULES = ("mean", "sum", "sd", "max", "min", "first", "last", "median", "q90", "slope", "count", "any")


def test_every_rule_by_hand() -> None:
    """Samples 1, 5, 3 whole and half of 9 in a window of 0.35 s at 10 Hz."""
    X = one(RegularTrack([1.0, 5, 3, 9, 7], 10, "intensive"), Grid("7/20"), RULES)
    found = {rule: float(X[f"a.{rule}"].values[0, 0]) for rule in RULES}
    w, v, t = np.array([1, 1, 1, 0.5]), np.array([1.0, 5, 3, 9]), np.array([0.05, 0.15, 0.25, 0.35])
    mean = (w * v).sum() / w.sum()
    center = (w * t).sum() / w.sum()
    expected = {
        "mean": mean, "sum": 13.5, "sd": np.sqrt((w * (v - mean) ** 2).sum() / w.sum()), "max": 9, "min": 1, "first": 1, "last": 9,
        "median": 3, "q90": 9, "slope": (w * (t - center) * v).sum() / (w * (t - center) ** 2).sum(), "count": 3.5, "any": 1,
    }  # fmt: skip
    assert found == pytest.approx(expected)


@given(st.data())
def test_regular_track_against_a_slow_reference(data: st.DataObject) -> None:
    """Overlaps written out in fractions, one window and one sample at a time."""
    count, rate = data.draw(st.integers(1, 12)), data.draw(st.fractions(Fraction(1, 3), 5, max_denominator=7))
    t0, origin = (data.draw(st.fractions(-3, 3, max_denominator=9)) for _ in range(2))
    hop, width = (data.draw(st.fractions(Fraction(1, 5), 3, max_denominator=11)) for _ in range(2))
    values = np.array(data.draw(st.lists(st.floats(-9, 9) | st.just(float("nan")), min_size=count, max_size=count)))
    track = RegularTrack(values, rate, "intensive", t0=t0)
    X = one(track, Grid(width, hop, origin, n=4), ("mean", "sum", "max"), min_coverage=0.0)
    first = -((origin - t0) // hop)
    for k in range(4):
        a = origin + (first + k) * hop
        spans = [(max(a, t0 + i / rate), min(a + width, t0 + (i + 1) / rate)) for i in range(count)]
        o = np.array([float(max(e - s, 0)) if not np.isnan(v) else 0.0 for (s, e), v in zip(spans, values, strict=True)])
        assert X.rows["start"][k] == pytest.approx(float(a))
        assert X.rows["coverage.a"][k] == pytest.approx(o.sum() / float(width), abs=1e-9)
        if o.sum() > 1e-9:
            seen = o > 0
            assert X["a.mean"].values[k, 0] == pytest.approx((o[seen] * values[seen]).sum() / o.sum(), abs=1e-9)
            assert X["a.sum"].values[k, 0] == pytest.approx((o[seen] * values[seen]).sum() * float(rate), abs=1e-9)
            assert X["a.max"].values[k, 0] == values[seen].max()


def test_points_lie_in_half_open_windows() -> None:
    track = PointTrack([1.0, 0.2, 0.5], [[3.0], [1.0], [2.0]], "extensive", observed=(0, 2))
    X = one(track, Grid("1/2"), ("sum", "count", "any", "mean", "first", "sd"))
    assert X["a.sum"].values[:, 0].tolist() == [1, 2, 3, 0] and X["a.count"].values[:, 0].tolist() == [1, 1, 1, 0]
    assert X["a.any"].present.all() and X["a.mean"].present.tolist() == [True, True, True, False]
    assert X["a.first"].values[:3, 0].tolist() == [1, 2, 3] and not X["a.sd"].values.any()
    assert one(PointTrack([1.0, 2.0], [4.0, 6.0], "intensive", observed=(0, 4)), Grid(4))["a"].values.tolist() == [[5.0]]


WORDS = IntervalTrack([0.0, 0.6, 1.0], [0.6, 1.0, 1.9], ["a", "b", "a"], observed=(0, 3))


def test_labels_by_hand() -> None:
    X = one(WORDS, Grid(1), ("vote", "shares", "entropy", "count", "any"))
    assert X["a.shares"].values == pytest.approx(np.array([[0.6, 0.4], [0.9, 0], [0, 0]])) and X["a.shares"].present.all()
    assert X["a.vote"].present.tolist() == [True, True, False] and X["a.vote"].values[:2, 0].tolist() == [0, 0]
    assert X["a.vote"].kind == "tabular" and X["a.vote"].fields[0].levels == ("a", "b")
    entropy = -(0.6 * np.log(0.6) + 0.4 * np.log(0.4))
    assert X["a.entropy"].values[:, 0] == pytest.approx([entropy, 0, 0])
    assert X["a.count"].values[:, 0].tolist() == [2, 1, 0] and X["a.any"].values[:, 0].tolist() == [1, 1, 0]
    assert X.rows["coverage.a"].tolist() == pytest.approx([1, 0.9, 0])


def test_votes_weigh_confidence_and_ties_go_to_the_earliest() -> None:
    tie = IntervalTrack([0.5, 0.0], [1.0, 0.5], ["a", "z"])
    assert one(tie, Grid(1), "vote").to_frame()["a.label"].tolist() == ["z"]
    sure = IntervalTrack([0.5, 0.0], [1.0, 0.5], ["a", "z"], confidence=[0.9, 0.5])
    assert one(sure, Grid(1), "vote").to_frame()["a.label"].tolist() == ["a"]


def test_edge_words_count_by_onset_or_by_overlap() -> None:
    track = IntervalTrack([0.8, 1.0], [1.3, 1.0], ["x", "y"], observed=(0, 2))
    assert one(track, Grid(1), "count", overlap="multilabel")["a"].values[:, 0].tolist() == [1, 1]
    assert one(track, Grid(1), "count", overlap="multilabel", edges="overlap")["a"].values[:, 0] == pytest.approx([0.4, 1.6])


def test_interval_values() -> None:
    track = IntervalTrack([0.0, 0.5], [0.5, 1.5], values=[[2.0], [10.0]], quantity="extensive")
    assert one(track, Grid(1), "sum", min_coverage=0.4)["a"].values[0, 0] == pytest.approx(7)
    level = IntervalTrack([0.0, 0.5], [0.5, 1.5], values=[2.0, 10.0], quantity="intensive", observed=(0, 2))
    X = one(level, Grid(1), ("mean", "max", "slope"))
    assert X["a.mean"].values[:, 0] == pytest.approx([6, 10]) and X["a.max"].values[0, 0] == 10
    assert X["a.mean"].present.tolist() == [True, True]


OVERLAPPING = IntervalTrack([0.0, 0.5], [1.0, 1.5], ["a", "b"], confidence=[1.0, 2.0])


@pytest.mark.parametrize(
    ("policy", "shares"),
    [
        ("multilabel", [[1, 0.5], [0, 0.5]]),
        ("highest_confidence", [[0.5, 0.5], [0, 0.5]]),
        ("earliest", [[1, 0], [0, 0.5]]),
        ("split_equal", [[0.75, 0.25], [0, 0.5]]),
    ],
)
def test_self_overlap(policy: str, shares: list[list[float]]) -> None:
    X = one(OVERLAPPING, Grid(1, n=2), "shares", overlap=policy)
    assert X["a"].values == pytest.approx(np.array(shares)) and X.rows["coverage.a"].tolist() == pytest.approx([1, 0.5])
    with pytest.raises(DataError, match="begins before") as caught:
        one(OVERLAPPING, Grid(1), "shares")
    assert caught.value.code == "T04"


def test_words_custom_and_global_windows() -> None:
    talk = Timeline({"pitch": signal(20), "word": IntervalTrack([0.1, 1.0], [0.5, 1.2], ["ba", "ga"])}, group="A", name="talk")
    X = Grid(words="word").apply(talk, {"word": "vote"})
    assert X["pitch"].values[:, 0] == pytest.approx([2.5, 10.5]) and X.to_frame()["word.label"].tolist() == ["ba", "ga"]
    assert X.rows[["group", "timeline"]].values.tolist() == [["A", "talk"]] * 2
    nested = Grid(custom=([0.5, 0.0, 0.1], [1.0, 2.0, 0.3])).apply(talk, {"word": "count"})
    assert nested["pitch"].values[:, 0] == pytest.approx([7, 9.5, 1.5]) and nested["word"].values[:, 0].tolist() == [0, 2, 1]
    whole = Grid("global").apply(talk, {"word": "count"})
    assert len(whole) == 1 and whole["pitch"].values[0, 0] == 9.5


def test_preset_frames_overlap() -> None:
    X = one(signal(1000, 1000), Grid("frame"))
    assert X.rows["start"][1] == 0.0125 and X.rows["end"][0] == 0.025 and len(X) == 79


def test_common_origin() -> None:
    X = one(signal(30, 10, t0="1/4"), Grid(1, origin=0))
    assert X.rows["start"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("fill", "values", "present"),
    [
        (("hold", 1.0), [1, 1, 1, 0, 5], [1, 1, 1, 0, 1]),
        (("linear", 2.0), [1, 2, 3, 4, 5], [1, 1, 1, 1, 1]),
        (("linear", 1.0), [1, 0, 0, 0, 5], [1, 0, 0, 0, 1]),
        (("constant", 9.0), [1, 9, 9, 9, 5], [1, 1, 1, 1, 1]),
    ],
)
def test_filling_is_asked_for_and_said(fill: tuple[str, float], values: list[float], present: list[int]) -> None:
    track = RegularTrack([1.0, np.nan, np.nan, np.nan, 5.0], 2, "intensive")
    with pytest.warns(McgurkWarning, match="filled by") as caught:
        X = one(track, Grid("1/2"), fill=fill)
    assert caught[0].message.code == "T07"
    assert X["a"].values[:, 0].tolist() == values and X["a"].present.tolist() == [bool(p) for p in present]
    assert X.rows["imputed.a"].sum() == sum(present) - 2


def test_levels_of_earlier_recordings() -> None:
    with pytest.warns(McgurkWarning, match="'a'|labels a"):
        X = one(WORDS, Grid(1), "shares", levels={"a": ("b", "c")})
    assert X["a"].values[0] == pytest.approx([0.4, 0])


def test_tiers_become_tracks() -> None:
    X = Grid(1).apply(Timeline({"words": IntervalTrack.of(Tier("words", [0.0, 0.5], [0.4, 1.0], ["ba", "ga"]), observed=(0, 1))}))
    assert X["words"].values == pytest.approx(np.array([[0.4, 0.5]]))


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: Grid().apply(Timeline({"a": signal()})), "exactly one"),
        (lambda: Grid(1, span="all").apply(Timeline({"a": signal()})), "'all'"),
        (lambda: Grid(0).apply(Timeline({"a": signal()})), "above 0"),
        (lambda: Grid(words="w").apply(Timeline({"a": signal()})), "intervals of 'w'"),
        (lambda: Grid(custom=([1.0], [0.5])).apply(Timeline({"a": signal()})), "after its start"),
        (lambda: Grid(1).apply([]), "no timeline"),
        (lambda: Grid(100).apply(Timeline({"a": signal()})), "no whole window"),
        (lambda: one(signal(), Grid(1), "mode"), "'mode'"),
        (lambda: one(signal(), Grid(1), "vote"), "holds values"),
        (lambda: one(WORDS, Grid(1), "mean"), "holds labels"),
        (lambda: one(signal(), Grid(1), edges="middle"), "'middle'"),
        (lambda: one(WORDS, Grid(1), overlap="first"), "'first'"),
        (lambda: one(signal(), Grid(1), fill=("spline", 1.0)), "spline"),
        (lambda: Grid(1).apply(Timeline({"a": signal()}), {"b": "mean"}), "rules were given for b"),
        (lambda: Grid(1).apply([Timeline({"a": signal()}), Timeline({"a": WORDS})]), "make them alike"),
    ],
)
def test_errors(call, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=word):
        call()
