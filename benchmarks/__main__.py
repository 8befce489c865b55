"""``python -m benchmarks NAME [--data-root DIR] [--full] [--json]``: run one benchmark and write its page under docs/results/.

A benchmark is a file ``benchmarks/<name>.py`` whose docstring's first line says what it shows, with

    def run(data_root: Path | None, full: bool) -> dict

The dict it returns holds its figures; ``"seed"`` and ``"protocol"`` in it are shown first. Versions, threads and processor are added here.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from mcgurk.errors import McgurkError
from mcgurk.files import atomic_write
from mcgurk.results import plain

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "results"
PACKAGES = ("mcgurk", "torch", "numpy", "scipy", "pandas", "scikit-learn", "numba", "pyarrow")


def available(folder: Path = HERE) -> dict[str, str]:
    """Name -> first line of the docstring, without importing anything."""
    files = sorted(path for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0] for path in files}


def provenance(seconds: float) -> dict[str, Any]:
    """What a reader needs to judge a figure, or to measure it again."""
    torch = sys.modules.get("torch")
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "seconds": round(seconds, 1),
        "threads": torch.get_num_threads() if torch else int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": processor(),
        "python": platform.python_version(),
        "versions": versions,
    }


def processor(path: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as the system gives it."""
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def page(name: str, summary: str, result: dict[str, Any]) -> str:
    """The Markdown page of one result: protocol first, then the figures, then where they were measured."""
    figures, where = result["figures"], result["measured"]
    lines = [f"# {name}", "", summary, ""]
    for key in ("protocol", "seed"):
        if key in figures:
            lines += [f"{key.capitalize()}: {figures[key]}", ""]
    single = [(key, value) for key, value in flat(figures) if key not in ("protocol", "seed")]
    if single:
        lines += ["| figure | value |", "|---|---|", *(f"| {key} | {value} |" for key, value in single)]
    for key, rows in tables(figures):
        lines += ["", f"## {key}", "", "| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
        lines += ["| " + " | ".join(cell(value) for value in row.values()) + " |" for row in rows]
    versions = ", ".join(f"{key} {value}" for key, value in where["versions"].items())
    lines += [
        "",
        f"Measured in {where['seconds']} s with {where['threads']} threads of {where['cores']} cores ({where['processor']}), "
        f"Python {where['python']}, {versions}; {'full' if result['full'] else 'short'} size. "
        f"Again: `python -m benchmarks {name}{' --full' if result['full'] else ''}`.",
        "",
    ]
    return "\n".join(lines)


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(path, text) of every leaf outside of tables, lists of numbers in one cell."""
    if is_table(value):
        return []
    if isinstance(value, dict):
        return [pair for key, item in value.items() for pair in flat(item, f"{prefix} / {key}" if prefix else str(key))]
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return [pair for number, item in enumerate(value, 1) for pair in flat(item, f"{prefix} / {number}")]
    if isinstance(value, list):
        return [(prefix, ", ".join(text(item) for item in value))]
    return [(prefix, text(value))]


def tables(value: Any, prefix: str = "") -> list[tuple[str, list[dict[str, Any]]]]:
    """(path, rows) of every table."""
    if is_table(value):
        return [(prefix, value)]
    items = value.items() if isinstance(value, dict) else ()
    return [pair for key, item in items for pair in tables(item, f"{prefix} / {key}" if prefix else str(key))]


def is_table(value: Any) -> bool:
    """Whether it is a list of rows: dicts of the same keys whose cells are single values or intervals."""
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        return False
    alike = all(list(row) == list(value[0]) for row in value)
    return alike and all(is_interval(item) or not isinstance(item, (dict, list)) for row in value for item in row.values())


def is_interval(value: Any) -> bool:
    """Whether it is an estimate with its interval."""
    return isinstance(value, dict) and list(value) == ["estimate", "low", "high"]


def cell(value: Any) -> str:
    """A value, an interval or nothing, in a table."""
    if is_interval(value):
        return f"{text(value['estimate'])} [{text(value['low'])}, {text(value['high'])}]"
    return "–" if value is None else text(value)


def text(value: Any) -> str:
    """Four significant digits for a number; a bar would end a table's cell."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "/").replace("\n", " ")


def index(folder: Path, summaries: dict[str, str]) -> str:
    """The list of all result pages."""
    names = sorted(path.stem for path in folder.glob("*.json"))
    lines = [
        "# Measured results",
        "",
        "Written by `python -m benchmarks NAME`; every page states its protocol, seed, versions and machine.",
        "",
    ]
    return "\n".join([*lines, *(f"- [{name}]({name}.md): {summaries.get(name, '')}" for name in names), ""])


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark, write its result, print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run one benchmark; its page is written to docs/results/.")
    parser.add_argument("name", nargs="?", help="which one; --list shows them")
    parser.add_argument("--data-root", type=Path, default=os.environ.get("MCGURK_DATA"), help="folder of real data (default: MCGURK_DATA)")
    parser.add_argument("--full", action="store_true", help="the long version, where there is one")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the result pages")
    options = parser.parse_args(arguments)
    names = available()
    if options.list or options.name is None:
        sys.stdout.write(json.dumps(names) + "\n" if options.json else "".join(f"{name:24} {line}\n" for name, line in names.items()))
        return 0
    if options.name not in names:
        parser.error(f"no benchmark is called {options.name!r}; there are {', '.join(names) or 'none yet'}")
    data_root = Path(options.data_root) if options.data_root else None
    started = time.perf_counter()
    try:
        figures = importlib.import_module(f"benchmarks.{options.name}").run(data_root, options.full)
    except McgurkError as error:
        sys.stderr.write(f"Error: {error} [{error.code}]\n")
        return 1
    result = {"name": options.name, "full": options.full, "figures": plain(figures), "measured": provenance(time.perf_counter() - started)}
    atomic_write(options.output / f"{options.name}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    written = page(options.name, names[options.name], result)
    atomic_write(options.output / f"{options.name}.md", written)
    atomic_write(options.output / "index.md", index(options.output, names))
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n" if options.json else written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
