"""The scripts that made the embedded files: their rules on small inputs (the whole build needs the packages they name)."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from mcgurk.datasets.emoji import emoji_table

SCRIPTS = Path(__file__).parents[2] / "scripts"


def script(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def build():
    pytest.importorskip("fontTools", reason="the emoji build script reads a font")
    return script("build_emoji")


LIST = """# group: People & Body
# subgroup: person-role
1F9D1 200D 2695 FE0F                       ; fully-qualified     # 🧑‍⚕️ E12.1 health worker
1F9D1 200D 2695                            ; minimally-qualified # 🧑‍⚕ E12.1 health worker
1F9D1 1F3FB 200D 2695 FE0F                 ; fully-qualified     # 🧑🏻‍⚕️ E12.1 health worker: light skin tone
1F468 200D 2695 FE0F                       ; fully-qualified     # 👨‍⚕️ E4.0 man health worker
# group: Symbols
# subgroup: heart
2764 FE0F                                  ; fully-qualified     # ❤️ E0.6 red heart
1F49A                                      ; fully-qualified     # 💚 E0.6 green heart
"""


def picture(colour):
    out = io.BytesIO()
    Image.new("RGB", (72, 72), colour).save(out, "WEBP")
    return out.getvalue()


def test_list_leaves_out_skin_tones_and_families_join_relatives(build, tmp_path):
    (tmp_path / "list.txt").write_text(LIST, "utf-8")
    emoji = build.read_list(tmp_path / "list.txt")
    assert [(e.name, e.version, e.group, e.subgroup) for e in emoji] == [
        ("health worker", "12.1", "People & Body", "person-role"),
        ("man health worker", "4.0", "People & Body", "person-role"),
        ("red heart", "0.6", "Symbols", "heart"),
        ("green heart", "0.6", "Symbols", "heart"),
    ]
    for item, colour in zip(emoji, ("red", "blue", "white", "black")):
        item.image = picture(colour)
    assert build.families(emoji) == ["health worker", "health worker", "heart", "heart"]
    emoji[3].image = emoji[0].image
    assert len(set(build.families(emoji))) == 1


def test_the_embedded_table_follows_the_rules(build):
    table = emoji_table().iloc[:400]
    emoji = [
        build.Emoji(
            tuple(map(ord, row.character)), row.character, f"{row.emoji_version:.1f}", row.name_, row.group, row.subgroup, row.image
        )
        for row in table.rename(columns={"name": "name_"}).itertuples()
    ]
    assert build.families(emoji) == table["family"].tolist()
    assert [build.YEARS[e.version] for e in emoji] == table["year"].tolist()


def test_transcripts_lose_their_marks(tmp_path):
    (tmp_path / "t").write_text("<s> ten  of clubs  </s> (001)\n\n<s> five </s> (cards-2)\n")
    assert script("build_speech").utterances(tmp_path, "t") == [("001", "ten of clubs"), ("cards-2", "five")]
