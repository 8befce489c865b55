"""Tables from files to ``(X, y)``: CSV, TSV, Parquet, JSON lines, folders. Readers may look at values; every guess has its reason."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from mcgurk.data import delimited, parquet, typed
from mcgurk.data.cells import Builder, Reject, ids_of
from mcgurk.data.dataset import Dataset
from mcgurk.data.infer import present_cells
from mcgurk.data.plan import Options, Plan, Wanted, listed, make_plan, with_levels
from mcgurk.errors import DataError, McgurkWarning, listing

if TYPE_CHECKING:
    import pandas as pd

Cells = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read and why it was read so.

    Args:
        X: the data.
        y: the target, None where none was asked for.
        notes: one (column, kind, reason) a column of the table.
        rejects: rows set aside, one :class:`~mcgurk.data.cells.Reject` each.
    """

    X: Dataset
    y: Any
    notes: tuple[tuple[str, str, str], ...]
    rejects: tuple[Reject, ...]

    def to_frame(self) -> pd.DataFrame:
        """column, kind and why, one line a column."""
        import pandas as pd

        return pd.DataFrame(list(self.notes), columns=["column", "kind", "why"])

    def rejects_frame(self) -> pd.DataFrame:
        """row, column, file, code and message of the rows set aside."""
        import pandas as pd

        names = ["row", "column", "file", "code", "message"]
        return pd.DataFrame([[getattr(r, n) for n in names] for r in self.rejects], columns=names)

    def write_rejects(self, path: str | os.PathLike[str]) -> None:
        """The rows set aside as a Parquet file."""
        import pyarrow

        parquet.write_arrow(pyarrow.Table.from_pandas(self.rejects_frame(), preserve_index=False), path)

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False)


def read_csv(path: str | os.PathLike[str], *, encoding: str | None = None, separator: str | None = None, **options: Unpack[Options]) -> Any:
    """Read a CSV file: ``X``, or ``(X, y)`` where ``target`` is given.

    An empty cell is absent. In columns of numbers NA, null, None and NaN are missing too; in texts they are words. File names in cells
    become images, sounds or videos; cells may hold several values (``a.jpg;b.jpg``, JSON lists). The columns not named are inferred, and
    ``explain=True`` returns the reasons. A table larger than memory streams through :func:`iter_table`.

    Args:
        path: the file; UTF-8 with or without a mark, UTF-16 or UTF-32 with one. Other bytes are read as Windows-1252 with a warning (X01).
        encoding: what the file is in, where that is known.
        separator: the character between cells; default: found in the header line.
        **options: see :class:`~mcgurk.data.plan.Options`.

    Raises:
        SpecMismatch: D01, a column asked for is not there.
        DataError: D03 no header, D04 a line with too few or too many cells, I01 repeated ids, L01 a cell that is not what it should be,
            I04 more rows set aside than ``max_bad`` allows.

    Example:
        >>> import tempfile, pathlib
        >>> from mcgurk.data import read_csv
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "walk.csv"
        >>> _ = file.write_text("id,caption,weight,rating,price\\n17,red cotton dress,0.31,,39.0\\n18,blue jeans,0.62,4.1,54.0\\n")
        >>> X, y = read_csv(file, target="price")
        >>> X.names, [f.name for f in X["tabular"].fields], y.tolist(), X.ids.tolist()
        (('caption', 'tabular'), ['weight', 'rating'], [39.0, 54.0], [17, 18])
    """
    wanted = Wanted(**options)
    table = delimited.read(path, encoding=encoding, separator=separator, rows=wanted.rows)
    return _read(typed.cells_of(typed.numbers_of(table, wanted.written)), wanted, Path(path).parent)


def read_tsv(path: str | os.PathLike[str], *, encoding: str | None = None, **options: Unpack[Options]) -> Any:
    """Read a table separated by tabs; everything else as :func:`read_csv`."""
    return read_csv(path, encoding=encoding, separator="\t", **options)


def read_parquet(path: str | os.PathLike[str], **options: Unpack[Options]) -> Any:
    """Read a Parquet file, page checksums verified; one written by :func:`write_parquet` comes back as it was, containers included.

    Raises:
        MediaError: B11 over the limit on decoded bytes, F05 not readable. IntegrityError: a checksum does not match.
    """
    wanted = Wanted(**options)
    if parquet.is_own(path):
        return _own(parquet.read_own(path), wanted)
    return _read(typed.cells_of(parquet.read_arrow(path, wanted.rows)), wanted, Path(path).parent)


def read_jsonl(path: str | os.PathLike[str], **options: Unpack[Options]) -> Any:
    """Read JSON lines: one object a line, its keys the columns. A missing key or null is absent; an empty string is an empty text."""
    wanted = Wanted(**options)
    return _read(typed.jsonl_cells(path, wanted.rows), wanted, Path(path).parent)


def read_folder(path: str | os.PathLike[str], **options: Unpack[Options]) -> Any:
    """Read a folder: a table in it and the files it names, or one sub-folder for each class (then ``y`` is the sub-folder's name).

    Files of equal name but different kind (``cat/7.jpg``, ``cat/7.wav``) are one row with two modalities. Rows come in the order of their
    names, which are the ids. Files directly in the folder make an ``X`` without ``y``.
    """
    from mcgurk.data.folder import files_of, table_in

    folder = Path(path)
    table = table_in(folder)
    if table is not None:
        return read_table(table, **{"root": folder, **options})
    X, y, rejects, notes = files_of(folder)
    wanted = Wanted(**options)
    _check_share(rejects, len(X) + len(rejects), wanted.max_bad)
    return _handed(Reading(X, y, notes, rejects), wanted, labelled=y is not None)


def read_table(path: str | os.PathLike[str], **options: Any) -> Any:
    """Read any of the above by its extension: .csv, .txt, .tsv, .parquet, .pq, .jsonl, .ndjson, or a folder."""
    if Path(path).is_dir():
        return read_folder(path, **options)
    suffix = Path(path).suffix.lower()
    reader = {".csv": read_csv, ".txt": read_csv, ".tsv": read_tsv, ".tab": read_tsv, ".parquet": read_parquet, ".pq": read_parquet}.get(
        suffix, read_jsonl if suffix in (".jsonl", ".ndjson") else None
    )
    if reader is None:
        raise DataError(
            f"{Path(path).name}: tables end in .csv, .tsv, .parquet or .jsonl; save it as one of these (a spreadsheet: as CSV), "
            "or give the folder of media files",
            code="D03",
        )
    return reader(path, **options)


def iter_table(path: str | os.PathLike[str], *, chunk: int = 10_000, **options: Unpack[Options]) -> Iterator[Any]:
    """A table of any size as Datasets of at most ``chunk`` rows, all with one spec (``(X, y)`` pairs where ``target`` is given).

    Kinds are decided on the first ``chunk`` rows; the levels of categories are collected in a first pass over the whole file. Whole numbers
    in a target stay numbers (float64), for a later piece may hold a fraction. Parquet is read a row group at a time.

    Raises:
        DataError: as :func:`read_csv`; also where a later row does not fit the kinds of the first (L01): name the column's kind then.
    """
    wanted, root = Wanted(**options), Path(path).parent
    if Path(path).suffix.lower() in (".parquet", ".pq") and parquet.is_own(path):
        for group in parquet.iter_own(path):
            yield from (_own(group[start : start + chunk], wanted) for start in range(0, len(group), chunk))
        return
    first = next(_pieces(path, chunk, wanted), None)
    if first is None:
        raise DataError(f"{Path(path).name} has no rows", code="S01")
    plan = make_plan(first, wanted, _root(wanted, root))
    levels: dict[str, set[Any]] = {name: set() for name in plan.levels}
    for cells in _pieces(path, chunk, wanted, list(levels)) if levels else ():
        for name, found in levels.items():
            found.update(cells[name][present_cells(cells[name])].tolist())
    builder, read = Builder(with_levels(plan, levels)), 0
    seen: set[Any] = set()
    rejects: list[Reject] = []
    for cells in _pieces(path, chunk, wanted):
        cells, places = _distinct(cells, plan, seen, read)
        part = builder.build(cells, places)
        read, rejects = int(places[-1]) + 1 if len(places) else read, [*rejects, *part.rejects]
        if len(part.X):
            yield (part.X, _floating(part.y)) if plan.wanted.targets else part.X
    _check_share(tuple(rejects), read, wanted.max_bad)


def _floating(y: Any) -> Any:
    """Whole numbers as float64, whatever the piece holds."""
    if isinstance(y, dict):
        return {name: _floating(values) for name, values in y.items()}
    return y.astype(np.float64) if isinstance(y, np.ndarray) and y.dtype.kind == "i" else y


def _pieces(path: str | os.PathLike[str], chunk: int, wanted: Wanted, only: list[str] | None = None) -> Iterator[Cells]:
    """The table's cells piece by piece; ``only`` some columns where the format makes that cheaper."""
    suffix = Path(path).suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        yield from typed.iter_jsonl(path, chunk)
        return
    if suffix in (".parquet", ".pq"):
        pieces = parquet.iter_arrow(path, chunk)
    else:
        pieces = _joined(delimited.batches(path, separator="\t" if suffix in (".tsv", ".tab") else None, chunk=chunk), chunk)
    for piece in pieces:
        piece = piece if only is None else piece.select(only)
        yield typed.cells_of(piece if suffix in (".parquet", ".pq") else typed.numbers_of(piece, wanted.written))


def _joined(pieces: Iterable[Any], chunk: int) -> Iterator[Any]:
    """Pieces of exactly ``chunk`` rows (the last may be shorter) from pieces of any size."""
    import pyarrow

    held = None
    for piece in pieces:
        held = piece if held is None else pyarrow.concat_tables([held, piece])
        while len(held) >= chunk:
            yield held.slice(0, chunk)
            held = held.slice(chunk)
    if held is not None and len(held):
        yield held


def _root(wanted: Wanted, folder: Path) -> Path:
    return Path(wanted.root) if wanted.root is not None else folder


def _read(cells: Cells, wanted: Wanted, folder: Path) -> Any:
    if not len(next(iter(cells.values()), ())):
        raise DataError("the table has no rows; expected at least one line below the header", code="S01")
    plan = make_plan(cells, wanted, _root(wanted, folder))
    empty = [name for name, g in plan.guesses.items() if g.why == "no cell holds a value"]
    if empty:
        warnings.warn(McgurkWarning(f"columns without a single value are left out: {listing(empty)}", code="N02"), stacklevel=3)
    cells, places = _distinct(cells, plan, set(), 0)
    part = Builder(plan).build(cells, places)
    _check_share(part.rejects, len(places), wanted.max_bad)
    return _handed(Reading(part.X, part.y, _notes(plan), part.rejects), wanted, labelled=bool(wanted.targets))


def _notes(plan: Plan) -> tuple[tuple[str, str, str], ...]:
    shown = {"drop": "left out", "target": "target", "group": "group", "id": "id"}
    return tuple((name, shown.get(plan.parts[name], g.kind), g.why) for name, g in plan.guesses.items())


def _handed(reading: Reading, wanted: Wanted, *, labelled: bool) -> Any:
    if wanted.explain:
        return reading
    return (reading.X, reading.y) if labelled else reading.X


def _distinct(cells: Cells, plan: Plan, seen: set[Any], start: int) -> tuple[Cells, np.ndarray]:
    """Rows whose id was not ``seen`` before, and their places in the table; repeated ids are an error unless the first is to be kept."""
    names = plan.names("id")
    places = np.arange(start, start + len(next(iter(cells.values()))))
    if not names:
        return cells, places
    ids = ids_of(names[0], cells[names[0]], places).tolist()
    first = np.ones(len(ids), dtype=bool)
    for i, value in enumerate(ids):
        first[i] = value not in seen
        seen.add(value)
    if first.all():
        return cells, places
    twice = f"{names[0]} repeats in {int((~first).sum())} rows ({listing(dict.fromkeys(v for v, new in zip(ids, first) if not new))})"
    if plan.wanted.dedupe is None:
        raise DataError(f"{twice}; mend the table, or keep the first of each with dedupe='keep-first'", code="I01")
    warnings.warn(McgurkWarning(f"{twice}; the first of each is kept", code="I01"), stacklevel=4)
    return {name: column[first] for name, column in cells.items()}, places[first]


def _check_share(rejects: tuple[Reject, ...], read: int, max_bad: float) -> None:
    """Say what was set aside; fail when it is too much."""
    rows = len({r.row for r in rejects})
    if not rows:
        return
    first = rejects[0]
    said = f"{rows} of {read} rows cannot be read, the first is row {first.row}: {first.column}: {first.message} [{first.code}]"
    if rows > max_bad * read:
        raise DataError(
            f"{said}; that is more than max_bad={max_bad:g} allows: mend the table, give root= if its files are elsewhere, "
            f"leave the column out with drop={first.column!r}, or raise max_bad",
            code="I04",
        )
    warnings.warn(McgurkWarning(f"{said}; these rows are set aside (explain=True lists them)", code="I04"), stacklevel=4)


def _own(X: Dataset, wanted: Wanted) -> Any:
    """Options that make sense for a table whose columns already are what they are: target, group, drop, rows."""
    dropped = listed(wanted.drop)
    if wanted.rows is not None:
        X = X[: wanted.rows]
    y = None
    if wanted.targets:
        name = wanted.targets[0]
        if X.rows is None or name not in X.rows.columns or len(wanted.targets) > 1:
            has = listing(() if X.rows is None else X.rows.columns)
            raise DataError(f"{name!r} is no row fact of this file (it has: {has}); keep y with X.with_rows(y=y) when writing")
        y = X.rows[name].to_numpy()
        X = Dataset(dict(X.items()), ids=X.ids, rows=X.rows.drop(columns=name))
    if wanted.group and wanted.group != "group":
        if X.rows is None or wanted.group not in X.rows.columns:
            raise DataError(f"{wanted.group!r} is no row fact of this file; keep groups with X.with_rows(group=...) when writing")
        X = X.with_rows(group=X.rows[wanted.group].to_numpy())
    if dropped:
        X = X.select([name for name in X.names if name not in dropped])
    notes = tuple((name, column.kind, "stored so") for name, column in X.items())
    return _handed(Reading(X, y, notes, ()), wanted, labelled=bool(wanted.targets))


def write_parquet(X: Dataset, path: str | os.PathLike[str]) -> None:
    """Write a Dataset so that :func:`read_parquet` gives it back: containers, kinds, levels, presence, ids and row facts.

    Page checksums and a SHA-256 of every row group are stored; the file is written whole or not at all. Values of absent rows are not kept.
    File names are stored relative to the file where they lie below its folder.
    """
    parquet.write_own(X, path)
