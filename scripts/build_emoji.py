"""Rebuild ``src/mcgurk/datasets/embedded/emoji`` bit for bit from three unpacked Debian packages.

    apt-get download fonts-noto-color-emoji=2.042-0+deb12u1 unicode-data=15.0.0-1 unicode-cldr-core=41-0.1
    for p in fonts-noto-color-emoji unicode-data unicode-cldr-core; do dpkg-deb -x ${p}_*.deb packages; done
    python scripts/build_emoji.py packages

Needs fonttools beside mcgurk's own requirements. The bits depend on the versions of Pillow (its WebP coder) and pyarrow that
``manifest.json`` names; with those, two runs on two machines give the same SHA-256.
"""

from __future__ import annotations

import argparse
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
import pyarrow
import pyarrow.parquet
from fontTools.ttLib import TTFont
from PIL import Image, features

from mcgurk.datasets import embedded
from mcgurk.files import atomic_write

SIZE, QUALITY = 72, 80
SKIN = range(0x1F3FB, 0x1F400)
JOINER, SELECTOR = 0x200D, 0xFE0F
SIGNS = (JOINER, SELECTOR, 0x2640, 0x2642)
ADULTS = (0x1F468, 0x1F469, 0x1F9D1, 0x1F474, 0x1F475, 0x1F9D3)
CHILDREN = (0x1F466, 0x1F467, 0x1F9D2)
#: Year in which each Emoji version was published; 0.6 and 0.7 are the emoji of Unicode 6.0 and 7.0 (UTS #51, table "Emoji Versions").
YEARS = {
    "0.6": 2010,
    "0.7": 2014,
    "1.0": 2015,
    "2.0": 2015,
    "3.0": 2016,
    "4.0": 2016,
    "5.0": 2017,
    "11.0": 2018,
    "12.0": 2019,
    "12.1": 2019,
    "13.0": 2020,
    "13.1": 2020,
    "14.0": 2021,
    "15.0": 2022,
}
VARIANTS = frozenset(
    "red orange yellow green blue purple brown black white grey gray pink light dark large medium small medium-small closed "
    "man woman person men women people boy girl child adult male female "
    "up down left right leftwards rightwards upwards downwards "
    "low high volume 1st 2nd 3rd face with in a the of".split()
)
#: Root mean square over 24 x 24 RGB in [0, 1]; above it likeness is chance (a white square, an exclamation mark).
TWIN_DISTANCE = 0.045


@dataclass
class Emoji:
    points: tuple[int, ...]
    character: str
    version: str
    name: str
    group: str
    subgroup: str
    image: bytes = b""


def read_list(path: Path) -> list[Emoji]:
    """Fully-qualified emoji without skin tones, in the standard's order."""
    out, group, subgroup = [], "", ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.partition(":")[2].strip()
        elif line.startswith("# subgroup:"):
            subgroup = line.partition(":")[2].strip()
        elif match := re.match(r"([0-9A-F ]+?)\s*; fully-qualified\s*# (\S+) E([\d.]+) (.*)", line):
            points = tuple(int(p, 16) for p in match[1].split())
            if not any(p in SKIN for p in points):
                out.append(Emoji(points, match[2], match[3], match[4], group, subgroup))
    return out


class Font:
    """Pictures of a CBDT font; the two ligature lookups that its emoji need are applied in order."""

    def __init__(self, path: Path) -> None:
        font = TTFont(path)
        self.names = font.getBestCmap()
        self.pictures = font["CBDT"].strikeData[0]
        lookups = font["GSUB"].table.LookupList.Lookup
        self.ligatures = [table.ligatures for lookup in lookups if lookup.LookupType == 4 for table in lookup.SubTable]

    def glyph(self, points: tuple[int, ...]) -> str:
        glyphs = [self.names[p] for p in points if p != SELECTOR]
        for table in self.ligatures:
            out, i = [], 0
            while i < len(glyphs):
                found = next((g for g in table.get(glyphs[i], ()) if glyphs[i + 1 : i + 1 + len(g.Component)] == g.Component), None)
                out.append(found.LigGlyph if found else glyphs[i])
                i += 1 + len(found.Component) if found else 1
            glyphs = out
        if len(glyphs) != 1:
            raise SystemExit(f"no single picture for {points}: {glyphs}")
        return glyphs[0]

    def picture(self, points: tuple[int, ...]) -> bytes:
        """The font's own 136 x 128 PNG on a white square, reduced to SIZE x SIZE, as WebP."""
        drawn = Image.open(io.BytesIO(self.pictures[self.glyph(points)].imageData)).convert("RGBA")
        side = max(drawn.size)
        canvas = Image.new("RGBA", (side, side), "white")
        canvas.alpha_composite(drawn, ((side - drawn.width) // 2, (side - drawn.height) // 2))
        out = io.BytesIO()
        canvas.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(out, "WEBP", quality=QUALITY, method=6)
        return out.getvalue()


def read_keywords(folder: Path) -> dict[str, str]:
    """Emoji without variation selectors -> its English CLDR keywords, joined by ", "."""
    out = {}
    for part in ("annotations", "annotationsDerived"):
        for node in ElementTree.parse(folder / part / "en.xml").getroot().iter("annotation"):
            if node.get("type") != "tts":
                out[node.get("cp")] = ", ".join(word.strip() for word in node.text.split("|"))
    return out


def read_ages(path: Path) -> dict[int, str]:
    out = {}
    for line in path.read_text("utf-8").splitlines():
        if match := re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*([\d.]+)", line):
            out.update(dict.fromkeys(range(int(match[1], 16), int(match[2] or match[1], 16) + 1), match[3]))
    return out


def read_carriers(path: Path) -> dict[tuple[int, ...], int]:
    """Character -> how many of the three Japanese carriers' pictograph sets held it before Unicode did."""
    out = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            points, *codes = line.split(";")
            out[tuple(int(p, 16) for p in points.split())] = sum(bool(c.strip()) for c in codes[:3])
    return out


def read_presentation(path: Path) -> set[int]:
    """Characters drawn in colour by default."""
    out: set[int] = set()
    for line in path.read_text("utf-8").splitlines():
        if match := re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; Emoji_Presentation", line):
            out.update(range(int(match[1], 16), int(match[2] or match[1], 16) + 1))
    return out


def stem(emoji: Emoji) -> str:
    """What the name says once colour, size, direction, age and gender are taken away; series of one design share a stem."""
    if emoji.name.startswith("flag:"):
        return "flag of a region"
    if emoji.subgroup in ("keycap", "family", "arrow"):
        return {"keycap": "keycap", "family": "couples and families", "arrow": "arrow"}[emoji.subgroup]
    if re.search(r"o’clock$|-thirty$", emoji.name):
        return "clock face"
    if emoji.subgroup == "sky & weather" and "moon" in emoji.name:
        return "moon"
    if emoji.subgroup == "alphanum" and "button" in emoji.name:
        return "Japanese button" if emoji.name.startswith("Japanese") else "letter button"
    head = emoji.name.lower().split(":")[0]
    return " ".join(w for w in re.findall(r"[\w’“”-]+", head) if w not in VARIANTS) or head


def sequence(emoji: Emoji) -> str:
    """The code points with every gender and age written alike: man, woman and person of one role are one."""
    alike = {**dict.fromkeys(ADULTS, "adult"), **dict.fromkeys(CHILDREN, "child")}
    return " ".join(alike.get(p, f"{p:X}") for p in emoji.points if p not in SIGNS)


def families(emoji: list[Emoji]) -> list[str]:
    """Connected components of equal stem, equal sequence and nearly equal picture, each named by its first member's stem."""
    parent = list(range(len(emoji)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    def tie(i: int, j: int) -> None:
        low, high = sorted((root(i), root(j)))
        parent[high] = low

    first: dict[tuple[str, str], int] = {}
    for i, item in enumerate(emoji):
        for key in (("stem", stem(item)), ("sequence", sequence(item))):
            tie(i, first.setdefault(key, i))
    small = [Image.open(io.BytesIO(e.image)).convert("RGB").resize((24, 24)) for e in emoji]
    pixels = np.stack([np.asarray(p, dtype=np.float64).ravel() / 255 for p in small])
    for i in range(len(emoji)):
        near = np.sqrt(((pixels[i + 1 :] - pixels[i]) ** 2).mean(axis=1)) < TWIN_DISTANCE
        for j in np.flatnonzero(near):
            tie(i, i + 1 + int(j))
    names: dict[int, str] = {}
    for i in range(len(emoji)):
        if root(i) == i:
            label = stem(emoji[i])
            names[i] = label if label not in names.values() else f"{label} ({emoji[i].name})"
    return [names[root(i)] for i in range(len(emoji))]


def licence(copyright_file: Path, head: str, start: str) -> str:
    """A licence text out of a Debian copyright file, its indentation undone."""
    lines = copyright_file.read_text("utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if start in line)
    body = ["" if line.strip() == "." else line.removeprefix(" ") for line in lines[begin:]]
    return head + "\n\n" + "\n".join(body).strip() + "\n"


def build(packages: Path, out: Path) -> None:
    share = packages / "usr" / "share"
    data = share / "unicode"
    font = Font(share / "fonts" / "truetype" / "noto" / "NotoColorEmoji.ttf")
    emoji = read_list(data / "emoji" / "emoji-test.txt")
    keywords = read_keywords(data / "cldr" / "common")
    ages, carriers = read_ages(data / "DerivedAge.txt"), read_carriers(data / "EmojiSources.txt")
    coloured = read_presentation(data / "emoji" / "emoji-data.txt")
    for item in emoji:
        item.image = font.picture(item.points)
    plain = [tuple(p for p in e.points if p != SELECTOR) for e in emoji]
    table = pyarrow.table(
        {
            "id": ["-".join(f"{p:X}" for p in e.points) for e in emoji],
            "character": [e.character for e in emoji],
            "name": [e.name for e in emoji],
            "keywords": pyarrow.array([keywords.get("".join(map(chr, p))) for p in plain], pyarrow.string()),
            "group": [e.group for e in emoji],
            "subgroup": [e.subgroup for e in emoji],
            "family": families(emoji),
            "emoji_version": pyarrow.array([float(e.version) for e in emoji], pyarrow.float64()),
            "unicode_version": pyarrow.array([max(float(ages[p]) for p in points) for points in plain], pyarrow.float64()),
            "year": pyarrow.array([YEARS[e.version] for e in emoji], pyarrow.int64()),
            "code_points": pyarrow.array([len(e.points) for e in emoji], pyarrow.int64()),
            "carriers": pyarrow.array([carriers.get(p, 0) for p in plain], pyarrow.int64()),
            "presentation": ["emoji" if e.points[0] in coloured else "text" for e in emoji],
            "image": pyarrow.array([e.image for e in emoji], pyarrow.binary()),
        }
    )
    buffer = io.BytesIO()
    packed = [name for name in table.column_names if name != "image"]
    pyarrow.parquet.write_table(
        table,
        buffer,
        compression={name: "zstd" if name in packed else "none" for name in table.column_names},
        use_dictionary=["group", "subgroup", "presentation"],
        write_page_checksum=True,
    )
    doc = share / "doc"
    ofl = licence(
        doc / "fonts-noto-color-emoji" / "copyright",
        "The pictures in emoji.parquet are taken from Noto Color Emoji, Copyright 2013-2022 Google Inc. and Arjen Nienhuis,\n"
        f"and were changed: set on a white square, reduced to {SIZE} x {SIZE} pixels, stored as WebP.\n"
        "Noto is a trademark of Google Inc.",
        "SIL OPEN FONT LICENSE Version 1.1",
    )
    unicode = licence(
        doc / "unicode-cldr-core" / "copyright",
        "Names, keywords, groups, versions and code points in emoji.parquet are taken from the Unicode Character\n"
        "Database 15.0 and CLDR 41, Copyright © 1991-2022 Unicode, Inc., and were selected and rearranged into a table;\n"
        "year and family were added.",
        "NOTICE TO USER",
    )
    contents = {"emoji.parquet": buffer.getvalue(), "LICENSE-OFL.txt": ofl.encode(), "LICENSE-UNICODE.txt": unicode.encode()}
    for name, content in contents.items():
        atomic_write(out / name, content)
    made_with = {"pillow": PIL.__version__, "libwebp": features.version("webp"), "pyarrow": pyarrow.__version__}
    source = "fonts-noto-color-emoji 2.042, unicode-data 15.0.0, unicode-cldr-core 41 (Debian)"
    embedded.write_manifest(out, contents, source=source, made_with=made_with)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="folder into which the three packages were unpacked")
    parser.add_argument("-o", "--out", type=Path, default=embedded.FOLDER / "emoji")
    arguments = parser.parse_args()
    build(arguments.packages, arguments.out)
