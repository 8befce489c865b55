"""What data there is: one line each, readable without numpy; ``mcgurk datasets`` and the documentation are made from it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcgurk.errors import DataError, UnknownName, listing

if TYPE_CHECKING:
    from mcgurk.data.dataset import Dataset

KINDS = ("embedded", "planted", "own folder")


@dataclass(frozen=True, slots=True)
class Info:
    """One data set.

    Args:
        loader: ``file:function`` in this package.
        kind: "embedded" (travels with mcgurk), "planted" (made from a seed, its answer known) or "own folder" (read from files one has).
        rows: how many, as a person would say it.
        what: one sentence.
        target: what ``y`` is; empty where there is none.
        licence: of the data.
        folder: name of its folder under the data root ("own folder" only).
    """

    loader: str
    kind: str
    rows: str
    what: str
    target: str = ""
    licence: str = "none needed"
    folder: str = ""

    @property
    def function(self) -> str:
        return self.loader.partition(":")[2]


CATALOGUE: dict[str, Info] = {
    "emoji": Info(
        "emoji:load_emoji",
        "embedded",
        "1,601 (1,870 with flags)",
        "Emoji: a picture, a name, keywords and facts each.",
        "group (eight) or year of introduction",
        "OFL-1.1 (pictures), Unicode-DFS-2016 (texts)",
    ),
    "speech": Info(
        "speech:load_speech", "embedded", "9", "Short read English recordings with their words.", "", "public domain, BSD-2-Clause"
    ),
    "digits_halves": Info(
        "digits:load_digits_halves",
        "embedded",
        "1,797",
        "Handwritten digits cut into a left and a right half.",
        "digit",
        "BSD-3-Clause (scikit-learn)",
    ),
    "redundancy": Info("redundancy:make_redundancy", "planted", "any", "Two modalities that say the same thing.", "0 or 1"),
    "uniqueness": Info(
        "uniqueness:make_uniqueness", "planted", "any", "One modality knows something, the other nothing (or something else).", "0 or 1"
    ),
    "synergy": Info("synergy:make_synergy", "planted", "any", "Nothing alone, nearly everything together: exclusive or.", "0 or 1"),
    "noise": Info("noise:make_noise", "planted", "any", "Nothing at all: the null.", "0 or 1"),
    "group_leak": Info(
        "group_leak:make_group_leak", "planted", "any", "A modality that recognises the group a row comes from, not its label.", "0 or 1"
    ),
    "absence": Info("absence:make_absence", "planted", "any", "Two modalities, one with holes: mcar, mar, mnar or whole sites.", "0 or 1"),
    "bilinear": Info("bilinear:make_bilinear", "planted", "any", "A label bilinear in two modalities, without noise.", "0 or 1"),
    "reliability": Info("reliability:make_reliability", "planted", "any", "A flag says which modality to trust in this row.", "0 or 1"),
    "lag": Info("lag:make_lag", "planted", "any", "Two series of one process, one of them late.", "lag in steps"),
    "marked_lag": Info(
        "marked_lag:make_marked_lag",
        "planted",
        "any",
        "A mark in one series; the answer stands a fixed time before it in another.",
        "0 or 1",
    ),
    "houses": Info(
        "houses:load_houses",
        "own folder",
        "535",
        "Houses: four photos and a table each.",
        "price",
        "none stated: local evaluation only",
        "houses",
    ),
    "political_ads": Info(
        "political_ads:load_political_ads",
        "own folder",
        "3,762 (ad, candidate) pairs",
        "Human-coded 2020 election ads: post, sound-track text, picture text, other text.",
        "tone towards the candidate, -1 or 1",
        "MIT with the Commons Clause",
        "political_ads",
    ),
    "cmu_mosi": Info(
        "cmu_mosi:load_cmu_mosi",
        "own folder",
        "2,199 utterances of 93 videos",
        "Opinions on film: words and 73 sound features an utterance.",
        "positive (1) or negative (0)",
        "research only",
        "cmu_mosi",
    ),
    "grid": Info(
        "grid:load_grid",
        "own folder",
        "1,000",
        "GRID speaker s1: mouth pictures (500 clips), sound, word times.",
        "letter, digit or another word of the sentence",
        "CC-BY-4.0",
        "grid_s1",
    ),
}


def info(name: str) -> Info:
    """One data set's line.

    Raises:
        UnknownName: U01 with the names there are.
    """
    if name not in CATALOGUE:
        raise UnknownName(f"no data set {name!r}; there are {listing(CATALOGUE, limit=len(CATALOGUE))}")
    return CATALOGUE[name]


def loader_of(name: str) -> Callable[..., Any]:
    """The function behind a name."""
    module, _, function = info(name).loader.partition(":")
    return getattr(importlib.import_module(f"mcgurk.datasets.{module}"), function)


def answer_of(name: str) -> dict[str, float] | None:
    """Bayes accuracy of each modality and of both with the default settings, for planted data; None for the others."""
    if info(name).kind != "planted":
        return None
    module = importlib.import_module(f"mcgurk.datasets.{name}")
    return getattr(module, f"{name}_answer")()


def load(name: str, *, root: Any = None, **params: Any) -> tuple[Dataset, Any]:
    """``(X, y)`` of any data set by name; y is None where it has no target.

    Args:
        name: a key of :data:`CATALOGUE`.
        root: folder of data sets, for those of kind "own folder"; default: the environment variable MCGURK_DATA.
        params: passed to its loader.

    Raises:
        UnknownName: U01 for another name.
        DataError: F02 where a folder is needed and none is given or found.
    """
    entry, loader = info(name), loader_of(name)
    if entry.kind == "own folder":
        return loader(root, **params)[:2]
    if root is not None:
        raise DataError(f"{name} is {entry.kind} and reads no folder; leave root out")
    found = loader(**params)
    return found if isinstance(found, tuple) else (found, None)
