"""Annotation files: round trips to a millisecond, faults by code, hostile input typed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data.annotations import Annotations, Tier, read_annotations, tidy, write_annotations
from mcgurk.data.limits import limits
from mcgurk.errors import DataError, McgurkWarning, MediaError

FORMATS = {"eaf": ".eaf", "textgrid": ".TextGrid", "vtt": ".vtt", "srt": ".srt", "csv": ".csv"}
ALPHABET = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff")
LABELS = st.text(ALPHABET, min_size=1, max_size=12).filter(lambda s: s.strip() and "-->" not in s and not s.startswith("\ufeff"))
NAMES = st.text("abcdefg ÄŽ", min_size=1, max_size=8).map(str.strip).filter(bool)


@st.composite
def tiers(draw: st.DrawFn, most: int) -> list[Tier]:
    """Tiers whose intervals follow one another with gaps of 0 to 5 s, at milliseconds or between them."""
    out = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=most, unique=True)):
        steps = draw(st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 3), LABELS), max_size=5))
        start, end, label, here = [], [], [], 0.0
        for gap, length, text in steps:
            start.append(here + gap)
            end.append(here + gap + length)
            label.append(text)
            here = end[-1]
        out.append(Tier(name, start, end, label))
    return out


def same(found: Sequence[Tier], expected: Sequence[Tier], tolerance: float) -> None:
    by_name = {tier.name: tier for tier in found}
    for tier in expected:
        if not len(tier):
            continue
        other = by_name[tier.name]
        assert other.label == tier.label
        assert np.abs(other.start - tier.start).max() <= tolerance and np.abs(other.end - tier.end).max() <= tolerance


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(format: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp(format) / f"a{FORMATS[format]}"

    @given(tiers(1 if format == "srt" else 4))
    def check(given_tiers: list[Tier]) -> None:
        if format == "srt":
            given_tiers = [Tier("cues", t.start, t.end, t.label) for t in given_tiers]
        write_annotations(path, given_tiers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", McgurkWarning)  # rounding to the millisecond may let neighbours touch
            found = read_annotations(path)
        same(list(found.tiers.values()), given_tiers, 1e-9 if format in ("textgrid", "csv") else 5.1e-4)
        if format == "eaf":
            assert list(found.tiers) == [t.name for t in given_tiers]

    check()


def test_formats_are_known_by_content() -> None:
    cues = b"00:01.000 --> 00:02.000\n<v Eva>a &amp; <b>b</b>\n\nNOTE x\n\nid\n1:00:02.000 --> 1:00:03.5 line:0\nc\nd\n"
    vtt = read_annotations(b"WEBVTT\n\n" + cues)
    assert vtt.tiers["Eva"] == Tier("Eva", [1.0], [2.0], ["a & b"])
    assert vtt.tiers["cues"] == Tier("cues", [3602.0], [3603.5], ["c\nd"])
    srt = read_annotations("1\r\n00:00:01,000 --> 00:00:02,5\r\nčau\r\n".encode())
    assert srt.tiers["cues"] == Tier("cues", [1.0], [2.5], ["čau"])
    csv = read_annotations(b"\xef\xbb\xbfOnset;Offset;Text\n0,5;1,25;a\n\n", format="csv")
    assert csv.tiers["intervals"] == Tier("intervals", [0.5], [1.25], ["a"])


FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize("name", ["praat_long.TextGrid", "praat_short.TextGrid"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_textgrid_as_praat_writes_it(name: str, encoding: str) -> None:
    found = read_annotations((FIXTURES / name).read_text(encoding="utf-8").encode(encoding))
    assert found.tiers['a "b"'] == Tier('a "b"', [1.0], [2.5], ['say "ba"'])
    assert found.tiers["clicks"] == Tier("clicks", [0.75], [0.75], ["x"])


def test_textgrid_with_nothing_and_with_twins(tmp_path: Path) -> None:
    assert read_annotations(b'"ooTextFile" "TextGrid" 0 1 <absent>', format="textgrid").tiers == {}
    twins = '"ooTextFile" "TextGrid" 0 1 <exists> 2 ' + '"TextTier" "a" 0 1 1 0.5 "x" ' * 2
    assert list(read_annotations(twins.encode(), format="textgrid").tiers) == ["a", "a (2)"]
    with pytest.raises(DataError, match="cannot hold it"):
        write_annotations(tmp_path / "a.TextGrid", [Tier("a", [0, 0.5], [1, 2], ["x", "y"])])


EAF = (FIXTURES / "hierarchy.eaf").read_text(encoding="utf-8")


def test_elan_hierarchy_and_times_that_are_shared(tmp_path: Path) -> None:
    (tmp_path / "a.eaf").write_text(EAF, encoding="utf-8")
    found = read_annotations(tmp_path / "a.eaf")
    assert found.tiers["words"] == Tier("words", [1, 2, 3], [2, 3, 4], ["eins", "zwei", ""])
    assert found.tiers["gloss"] == Tier("gloss", [1], [2], ["one"])
    assert found.tiers["morphs"] == Tier("morphs", [2, 2.5], [2.5, 3], ["zw", "ei"])
    assert found.tiers["deep"] == Tier("deep", [2.5], [3], ["!"])


def test_elan_media_stay_inside_or_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.eaf").write_text(EAF, encoding="utf-8")
    talk, outside, web = read_annotations(tmp_path / "a.eaf", root=tmp_path).media
    assert talk.path == (tmp_path / "clips" / "talk 1.mp4").resolve()
    assert outside.path == (tmp_path / "talk.wav").resolve()
    assert web.path is None and "link" in web.reason and web.url == "http://example.org/a.mp4"
    assert all(link.path is None for link in read_annotations(EAF.encode()).media)
    write_annotations(tmp_path / "b.eaf", read_annotations(tmp_path / "a.eaf"))
    assert [m.url for m in read_annotations(tmp_path / "b.eaf").media] == [talk.url, outside.url, web.url]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('TIME_SLOT_REF2="ts2"', 'TIME_SLOT_REF2="ts9"'),
        ('TIME_SLOT_REF2="ts4"', 'TIME_SLOT_REF2="ts2"'),
        ('TIME_VALUE="1000"', 'TIME_VALUE="soon"'),
        ('TIME_VALUE="1000"', ""),
        ('ANNOTATION_REF="a1"', 'ANNOTATION_REF="b1"'),
        ('ANNOTATION_REF="a1"', 'ANNOTATION_REF="z"'),
        ("<ANNOTATION_DOCUMENT>", "<ANNOTATION_DOCUMENT><x></x>"),
        ("ANNOTATION_DOCUMENT", "OTHER"),
    ],
)
def test_broken_elan(old: str, new: str) -> None:
    text = EAF.replace(old, new)
    if new.endswith("</x>"):
        assert read_annotations(text.encode()).tiers
        return
    with pytest.raises(MediaError) as caught:
        read_annotations(text.encode(), format="eaf")
    assert caught.value.code == "F05"


def test_out_of_order_is_sorted() -> None:
    with pytest.warns(McgurkWarning, match="sorted") as caught:
        assert tidy(Tier("t", [1, 0], [2, 1], ["b", "a"])) == Tier("t", [0, 1], [1, 2], ["a", "b"])
    assert caught[0].message.code == "T01"


@pytest.mark.parametrize(
    ("start", "end", "options", "code", "expected"),
    [
        ([-0.04], [1], {}, "T02", ([0], [1])),
        ([0], [1.04], {"duration": 1.0}, "T03", ([0], [1])),
        ([0, 1], [1.04, 2], {}, "T04", ([0, 1], [1, 2])),
    ],
)
def test_a_frame_is_clipped(start: list[float], end: list[float], options: dict[str, float], code: str, expected: object) -> None:
    with pytest.warns(McgurkWarning, match="clipped") as caught:
        found = tidy(Tier("t", start, end, ["x"] * len(start)), **options)
    assert caught[0].message.code == code
    assert (found.start.tolist(), found.end.tolist()) == expected


@pytest.mark.parametrize(
    ("start", "end", "options", "code"),
    [
        ([-0.05], [1], {}, "T02"),
        ([2], [1], {}, "T02"),
        ([np.nan], [1], {}, "T02"),
        ([0], [np.inf], {}, "T02"),
        ([0], [1.05], {"duration": 1.0}, "T03"),
        ([0, 1], [1.05, 2], {}, "T04"),
        ([0, 1, 2], [5, 1.5, 3], {}, "T04"),
    ],
)
def test_more_is_an_error(start: list[float], end: list[float], options: dict[str, float], code: str) -> None:
    with pytest.raises(DataError, match="tier 't', interval 'x'") as caught:
        tidy(Tier("t", start, end, ["x"] * len(start)), **options)
    assert caught.value.code == code
    if code == "T04":
        assert len(tidy(Tier("t", start, end, ["x"] * len(start)), overlap="keep")) == len(start)


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (b"no header", "vtt"),
        (b"WEBVTT\n\n1 --> 2\nx\n", "vtt"),
        (b"WEBVTT\n\nwords without times\n", "vtt"),
        (b"1\n00:00:01,000 -> 00:00:02,000\nx\n", "srt"),
        (b"", "csv"),
        (b"a,b\n1,2\n", "csv"),
        (b"start,end,label\n1,x,y\n", "csv"),
        (b"start,end,label\ninf,2,y\n", "csv"),
        (b'start,end,label\n1,2,"' + b"x" * 200_000 + b'"\n', "csv"),
        (b"", "textgrid"),
        (b'"ooTextFile" "Pitch"', "textgrid"),
        (b'"ooTextFile" "TextGrid" 0 1 <exists> 1e9', "textgrid"),
        (b'"ooTextFile" "TextGrid" 0 1 <exists> 1 "OtherTier" "x" 0 1', "textgrid"),
        (b'"ooTextFile" "TextGrid" 0 "x"', "textgrid"),
        (b'"ooTextFile" "TextGrid" 0 1 <exists> 1 7', "textgrid"),
        (b"<a/>", "eaf"),
        (b"nothing of the kind", None),
    ],
)
def test_damaged_files(data: bytes, format: str | None) -> None:
    with pytest.raises(MediaError) as caught:
        read_annotations(data, format=format)
    assert caught.value.code == ("F04" if format is None else "F05")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    one = Tier("a", [0], [1], ["x"])
    other, blank = Tier("b", [0], [1], ["x"]), Tier("a", [0], [1], ["x\n\ny"])
    for tiers_given, name in (([one, one], "a.csv"), ([one], "a.doc"), ([one, other], "a.srt"), ([blank], "a.vtt")):
        with pytest.raises(DataError):
            write_annotations(tmp_path / name, tiers_given)
    with pytest.raises(DataError) as caught:
        write_annotations(tmp_path / "a.eaf", [Tier("a", [0], [1], ["x\0"])])
    assert caught.value.code == "X02"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="as many"):
        Tier("a", [0], [1, 2], ["x"])


def test_options() -> None:
    for options in ({"overlap": "ignore"}, {"format": "docx"}):
        with pytest.raises(DataError):
            read_annotations(b"WEBVTT\n", **options)
    assert read_annotations(b"WEBVTT\n").tiers["cues"] == Tier("cues", [], [], [])
    assert repr(Tier("a", [], [], [])) == "Tier('a', 0 intervals)" and Tier("a", [], [], []) != 3
    assert Annotations({}).media == ()
    with limits(max_text_bytes=3), pytest.raises(MediaError):
        read_annotations(b"WEBVTT\n")


WORDS = 'WEBVTT|\n|\n\n|00:01.000| --> |00:02.000|"|""|<exists>|ooTextFile|TextGrid|IntervalTier|1|0|-1|1e400|nan|,|;|<v x>|&lt;|x|NOTE'
FUZZ = st.one_of(
    st.binary(max_size=120),
    st.lists(st.sampled_from([*WORDS.split("|"), "start,end,label\n"]), max_size=30).map(lambda parts: " ".join(parts).encode()),
)


@given(FUZZ, st.sampled_from(sorted(FORMATS)))
def test_no_bytes_raise_anything_else(data: bytes, format: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_annotations(data, format=format)
        except DataError as error:
            assert error.code[0] in "FTBX"


CUE = b"WEBVTT\n\n00:01.000 --> 00:02.000\n"
HOSTILE = {
    "quotes": b'"' * 400_000,
    "open_quotes": b'"ooTextFile" ' + b'"x ' * 200_000,
    "open_voices": CUE + b"<v " * 200_000,
    "voices_in_a_row": CUE + b"<v x" * 200_000,
    "blanks": CUE + b"<v" + b" " * 400_000,
    "classes": CUE + b"<v.a" + b".a" * 200_000,
    "clocks": b"1:" * 300_000,
    "arrows": b"00:01.000 -->" + b" " * 400_000,
    "lines": CUE + b"\t\n" * 200_000 + b"x",
    "ampersands": CUE + b"&" * 400_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_long_hostile_text_takes_linear_time(data: bytes) -> None:
    import time

    begun = time.process_time()
    for format in ("textgrid", "vtt", "srt", "csv"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read_annotations(data, format=format)
            except DataError:
                continue
    assert time.process_time() - begun < 4
