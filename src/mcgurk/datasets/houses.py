"""Houses for sale: four photos, a few numbers, a zip code, a price."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from mcgurk.data.column import Dense, Field, Lazy
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._root import components, data_folder, decode_text, zip_members
from mcgurk.errors import UnknownName

ROOMS = ("bathroom", "bedroom", "frontal", "kitchen")
NUMBERS = ("bedrooms", "bathrooms", "area")
LARGE_ZIP = 25
SAME_PHOTO = 0.02  # root mean square over 16 x 16 RGB in [0, 1]: copies lie below .01, different photos above .04


def load_houses(
    root: str | os.PathLike[str] | None = None, *, zips: str = "all", group: str = "twins"
) -> tuple[Dataset, np.ndarray, dict[str, Any]]:
    """535 houses in California: does a photo of the kitchen add to bedrooms, area and zip code?

    Args:
        root: folder that holds houses/ (or is it); None is MCGURK_DATA.
        zips: "all", or "large": the 362 houses of the seven zip codes with at least 25 (Rosebrock's protocol).
        group: what splits keep together: "twins" (houses that share a photo) or "zip" (whole zip codes, the question for a new town).

    Shapes:
        X: ``bathroom``, ``bedroom``, ``frontal``, ``kitchen`` (JPEG bytes, short side 160 px), ``tabular`` (bedrooms, bathrooms,
        area in square feet, zip as a category); X.rows: ``group``, ``zip``; X.ids: number of the house as in the photos' names, from 1.
        y: (n,) price in dollars. info: ``twins``, pairs of ids that share a photo.

    Raises:
        UnknownName: other ``zips`` or ``group``.
        DataError: F02 when the files are not there.

    Source: Ahmed, Moustafa 2016, House price estimation from visual and textual features (arXiv:1609.08399).
    """
    import pandas as pd

    if zips not in ("all", "large") or group not in ("twins", "zip"):
        raise UnknownName(f"zips={zips!r}, group={group!r}; expected zips 'all' or 'large' and group 'twins' or 'zip'")
    folder = data_folder(root, "houses", ("HousesInfo.txt", "images_160px.zip"))
    lines = decode_text(folder / "HousesInfo.txt").splitlines()
    table = np.array([[float(cell) for cell in line.split()] for line in lines if line.strip()])
    n = len(table)
    photos = {room: zip_members(folder / "images_160px.zip", [f"{i + 1}_{room}.jpg" for i in range(n)]) for room in ROOMS}
    zip_codes = np.array([f"{int(z):05d}" for z in table[:, 3]])
    twins = _twins(photos)
    together = components(n, twins)
    levels, codes = np.unique(zip_codes, return_inverse=True)
    fields = (*(Field(name) for name in NUMBERS), Field("zip", "category", tuple(levels.tolist())))
    columns: dict[str, Any] = {room: Lazy(photos[room], kind="image") for room in ROOMS}
    columns["tabular"] = Dense(np.column_stack([table[:, :3], codes]), kind="tabular", fields=fields)
    rows = pd.DataFrame({"group": together if group == "twins" else zip_codes, "zip": zip_codes})
    X, y = Dataset(columns, ids=np.arange(1, n + 1), rows=rows), table[:, 4]
    if zips == "large":
        keep = np.bincount(codes)[codes] >= LARGE_ZIP
        X, y = X[keep], y[keep]
    kept, facts = set(X.ids.tolist()), X.rows
    assert facts is not None
    pairs = [(i + 1, j + 1) for i, j in twins if {i + 1, j + 1} <= kept]
    return X, y, {"name": "houses", "twins": pairs, "zips": len(set(facts["zip"])), "licence": "none stated"}


def _twins(photos: dict[str, list[bytes | None]]) -> list[list[int]]:
    """Rows that show the same photo of the same room, stored twice or compressed twice."""
    pairs: set[tuple[int, int]] = set()
    for pictures in photos.values():
        shown = [i for i, picture in enumerate(pictures) if picture is not None]
        small = np.stack([_thumbnail(picture) for picture in pictures if picture is not None])
        for k, i in enumerate(shown):
            near = np.sqrt(((small[k + 1 :] - small[k]) ** 2).mean(axis=1)) < SAME_PHOTO
            pairs.update((i, shown[k + 1 + j]) for j in np.flatnonzero(near))
    return [list(pair) for pair in sorted(pairs)]


def _thumbnail(picture: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        image.draft("RGB", (32, 32))
        return np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BOX), dtype=np.float64).ravel() / 255.0
