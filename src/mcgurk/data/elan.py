"""ELAN .eaf files to tiers and back."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import NoReturn
from urllib.parse import unquote
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np

from mcgurk.data.archive import load_xml
from mcgurk.data.source import Source, fail, name_of, safe_join
from mcgurk.data.tier import MediaLink, Tier
from mcgurk.errors import DataError, MediaError

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_UNITS = {"milliseconds": 1e-3, "PAL-frames": 1 / 25, "NTSC-frames": 1001 / 30000}


def read(
    source: Source, folder: str | os.PathLike[str] | None, root: str | os.PathLike[str] | None
) -> tuple[list[Tier], tuple[MediaLink, ...]]:
    """Tiers in the file's order, and the media it names, resolved inside ``folder`` or reported as outside; none is opened.

    Raises:
        MediaError: F05 for references that lead nowhere or in a circle, and those of ``load_xml``.

    Source: the EAF 3.0 schema of the Max Planck Institute for Psycholinguistics.
    """
    document, name = load_xml(source, root=root), name_of(source)
    if document.tag != "ANNOTATION_DOCUMENT":
        fail("F05", name, f"its root is {document.tag!r}, not ANNOTATION_DOCUMENT", "give a file saved by ELAN")
    header = document.find("HEADER")
    scale = _UNITS.get("milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds"), 1e-3)
    slots: dict[str, float | None] = {}
    for slot in document.iterfind("TIME_ORDER/TIME_SLOT"):
        value = slot.get("TIME_VALUE")
        slots[slot.get("TIME_SLOT_ID", "")] = None if value is None else _number(value, name) * scale
    spans = _Spans(document, slots, name)
    tiers = []
    for element in document.iterfind("TIER"):
        rows = [(*spans.of(key), text) for key, text in _annotations(element)]
        starts, ends = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
        tiers.append(Tier(element.get("TIER_ID", ""), starts, ends, [r[2] for r in rows]))
    links = [] if header is None else [_link(m, folder) for m in header.iterfind("MEDIA_DESCRIPTOR")]
    return tiers, tuple(links)


def _number(text: str, name: str) -> float:
    try:
        return float(int(text))
    except ValueError:
        fail("F05", name, f"time value {text[:30]!r} is no whole number", "save it again in ELAN")


def _annotations(tier: Element) -> list[tuple[str, str]]:
    """(id, label) of a tier's annotations in document order."""
    found = []
    for holder in tier.iterfind("ANNOTATION"):
        for one in holder:
            found.append((one.get("ANNOTATION_ID", ""), one.findtext("ANNOTATION_VALUE") or ""))
    return found


class _Spans:
    """Start and end of every annotation: from its time slots, or its share of its parent's span."""

    def __init__(self, document: Element, slots: dict[str, float | None], name: str) -> None:
        self.name, self.slots = name, slots
        self.known: dict[str, tuple[float, float]] = {}
        self.parent: dict[str, str] = {}
        self.children: dict[tuple[int, str], list[str]] = {}
        self.family: dict[str, tuple[int, str]] = {}
        for number, tier in enumerate(document.iterfind("TIER")):
            timed = [a for holder in tier.iterfind("ANNOTATION") for a in holder if a.tag == "ALIGNABLE_ANNOTATION"]
            self._align(timed)
            for holder in tier.iterfind("ANNOTATION"):
                for one in holder:
                    if one.tag == "REF_ANNOTATION":
                        self._refer(number, one)

    def _align(self, timed: list[Element]) -> None:
        """Annotations that share slots without a time divide the time between the slots around them that have one."""
        chain: list[tuple[str, str, str]] = []
        for one in timed:
            first, last = one.get("TIME_SLOT_REF1", ""), one.get("TIME_SLOT_REF2", "")
            if first not in self.slots or last not in self.slots:
                self._broken(f"annotation {one.get('ANNOTATION_ID')!r} refers to a time slot that is not there")
            if chain and chain[-1][2] != first:
                self._broken(f"time slot {chain[-1][2]!r} has no time and no neighbour")
            chain.append((one.get("ANNOTATION_ID", ""), first, last))
            if self.slots[last] is not None:
                self._divide(chain)
                chain = []
        if chain:
            self._broken(f"time slot {chain[-1][2]!r} has no time and no neighbour")

    def _divide(self, chain: list[tuple[str, str, str]]) -> None:
        start, end = self.slots[chain[0][1]], self.slots[chain[-1][2]]
        if start is None or end is None:
            self._broken(f"time slot {chain[0][1]!r} has no time and no neighbour")
        edges = np.linspace(start, end, len(chain) + 1).tolist()
        for k, (key, _, _) in enumerate(chain):
            self.known[key] = (edges[k], edges[k + 1])

    def _refer(self, tier: int, one: Element) -> None:
        key, parent, previous = one.get("ANNOTATION_ID", ""), one.get("ANNOTATION_REF", ""), one.get("PREVIOUS_ANNOTATION")
        self.parent[key] = parent
        family = (tier, parent)
        siblings = self.children.setdefault(family, [])
        siblings.insert(siblings.index(previous) + 1 if previous in siblings else len(siblings), key)
        self.family[key] = family

    def of(self, key: str) -> tuple[float, float]:
        """The span of one annotation; parents first, without recursion."""
        path = [key]
        while path[-1] not in self.known:
            parent = self.parent.get(path[-1])
            if parent is None or parent in path:
                self._broken(f"annotation {path[-1]!r} refers to no annotation that has a time")
            path.append(parent)
        for one in reversed(path[:-1]):
            start, end = self.known[self.parent[one]]
            siblings = self.children[self.family[one]]
            edges = np.linspace(start, end, len(siblings) + 1).tolist()
            for k, sibling in enumerate(siblings):
                self.known[sibling] = (edges[k], edges[k + 1])
        return self.known[key]

    def _broken(self, cause: str) -> NoReturn:
        fail("F05", self.name, cause, "open and save it in ELAN")


def _link(descriptor: Element, folder: str | os.PathLike[str] | None) -> MediaLink:
    """The relative link where it stays inside, else the absolute one's file name beside the annotation, else the reason."""
    url = descriptor.get("MEDIA_URL", "")
    relative = unquote(descriptor.get("RELATIVE_MEDIA_URL", "")).removeprefix("file:").removeprefix("./")
    if folder is None:
        return MediaLink(url or relative, None, "the annotation was given as bytes, so there is no folder to look in")
    beside = unquote(PurePath(url.replace("\\", "/")).name) if url.startswith("file:") else url
    reason = "it names no file"
    for name in (relative, beside):
        if not name:
            continue
        try:
            return MediaLink(url or relative, safe_join(folder, name))
        except MediaError as error:
            reason = str(error)
    return MediaLink(url or relative, None, reason)


def write(tiers: Sequence[Tier], media: Sequence[MediaLink] = ()) -> bytes:
    """An .eaf with one time-aligned tier for each tier; times rounded to the millisecond, ELAN's unit.

    Raises:
        DataError: a label or a name holds a character that XML cannot hold.
    """
    document = Element("ANNOTATION_DOCUMENT", AUTHOR="", DATE="1970-01-01T00:00:00+00:00", FORMAT="3.0", VERSION="3.0")
    header = SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    for link in media:
        SubElement(header, "MEDIA_DESCRIPTOR", MEDIA_URL=link.url, MIME_TYPE="unknown")
    order = SubElement(document, "TIME_ORDER")
    times = sorted(
        (round(float(t) * 1000), k, i, side) for k, tier in enumerate(tiers) for i in range(len(tier)) for side, t in _ends(tier, i)
    )
    slot = {(k, i, side): f"ts{n}" for n, (_, k, i, side) in enumerate(times, 1)}
    for n, (value, _, _, _) in enumerate(times, 1):
        SubElement(order, "TIME_SLOT", TIME_SLOT_ID=f"ts{n}", TIME_VALUE=str(value))
    number = 0
    for k, tier in enumerate(tiers):
        element = SubElement(document, "TIER", LINGUISTIC_TYPE_REF="default-lt", TIER_ID=_clean(tier.name, tier.name))
        for i, label in enumerate(tier.label):
            number += 1
            one = SubElement(SubElement(element, "ANNOTATION"), "ALIGNABLE_ANNOTATION", ANNOTATION_ID=f"a{number}")
            one.set("TIME_SLOT_REF1", slot[k, i, 0])
            one.set("TIME_SLOT_REF2", slot[k, i, 1])
            SubElement(one, "ANNOTATION_VALUE").text = _clean(label, tier.name)
    SubElement(document, "LINGUISTIC_TYPE", GRAPHIC_REFERENCES="false", LINGUISTIC_TYPE_ID="default-lt", TIME_ALIGNABLE="true")
    data: bytes = tostring(document, encoding="UTF-8", xml_declaration=True)
    return data


def _ends(tier: Tier, i: int) -> tuple[tuple[int, float], tuple[int, float]]:
    return (0, float(tier.start[i])), (1, float(tier.end[i]))


def _clean(text: str, tier: str) -> str:
    if match := _FORBIDDEN.search(text):
        raise DataError(f"tier {tier!r}: {text[:30]!r} holds the character {match.group()!r}, which XML cannot hold; remove it", code="X02")
    return text
