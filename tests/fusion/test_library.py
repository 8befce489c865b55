"""What enters the competition: units by kind and size, views of texts, columns of one kind together."""

from __future__ import annotations

import pytest

from mcgurk.data.spec import ColumnSpec
from mcgurk.errors import UnknownName
from mcgurk.fusion import FusionGraph
from mcgurk.fusion.library import KERNEL_ROWS, NETWORK_ROWS, Library

ALL = ("linear", "trees", "kernel", "network")
VECTOR, IMAGE, TEXT = ColumnSpec("dense", "vector", (3,)), ColumnSpec("lazy", "image", ()), ColumnSpec("lazy", "text", ())


def names(spec, rows=300, units=ALL, encoders=None):
    library = Library(spec, encoders, rows, units)
    FusionGraph(library.nodes, "everything")
    return {choice.name: choice.modalities for choice in library.choices}


def test_one_narrow_column():
    assert names({"x": VECTOR}) == {"prior": 0, "single: x": 1, "single: x (trees)": 1, "single: x (kernel)": 1, "single: x (stack)": 1}


def test_images_are_read_one_by_one_and_together():
    found = names({"front": IMAGE, "kitchen": IMAGE, "table": VECTOR})
    assert found["early: every image"] == 2 and found["single: front"] == 1 and "single: front (trees)" not in found
    assert found["hybrid: stacking of everything"] == found["late: stacking"] == 3
    assert "early: every image" not in names({"front": IMAGE, "kitchen": IMAGE})


def test_texts_have_their_words_beside_their_meaning(monkeypatch):
    monkeypatch.setattr("mcgurk.fusion.library.default_encoder", lambda spec: "minilm")
    found = names({"body": TEXT, "title": TEXT})
    assert {"single: body (words linear)", "single: body (stack)"} <= set(found)
    chosen = names({"body": TEXT, "title": TEXT}, encoders={"body": "tfidf"})
    assert "single: body (words linear)" not in chosen
    monkeypatch.setattr("mcgurk.fusion.library.default_encoder", lambda spec: "tfidf")
    assert "single: body (words linear)" not in names({"body": TEXT, "title": TEXT})


def test_units_by_number_of_rows():
    spec = {"x": VECTOR, "y": VECTOR}
    assert "early: network" not in names(spec, NETWORK_ROWS - 1) and "early: network" in names(spec, NETWORK_ROWS)
    assert "single: x (kernel)" not in names(spec, KERNEL_ROWS + 1)
    assert "early: trees" not in names(spec, units=("linear",))


@pytest.mark.parametrize("units", [("trees",), ("linear", "forest")])
def test_units_that_cannot_be(units):
    with pytest.raises(UnknownName, match="expected 'linear' and any of"):
        names({"x": VECTOR}, units=units)
