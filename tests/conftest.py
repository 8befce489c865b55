"""What every test may rely on: one thread, a cache of its own, real data only where MCGURK_DATA points to it."""

from __future__ import annotations

import os

# Before numpy, torch or numba are imported anywhere: the figures of a test must not depend on how many cores the machine has.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import re
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("push", max_examples=100, deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("long", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "push"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--typecheck", action="store_true", help="check mcgurk's shape annotations at run time")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--typecheck"):
        _check_annotations()


def _check_annotations() -> None:
    """Check shapes at run time: every function of mcgurk whose annotations have jaxtyping's ``Float[Tensor, "batch dim"]`` form.

    Plain annotations are left to mypy, so that a test may give a wrong type on purpose and see mcgurk's own error. Files with compiled
    kernels are left out: numba cannot compile a function that is wrapped.
    """
    import beartype
    from jaxtyping import install_import_hook

    strictly = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))  # an int is a float, as it is for mypy
    shaped = re.compile(r"\b(Float|Int|UInt|Bool|Num|Real|Inexact|Complex|Shaped)\d*\[")

    def check(decorated: Any) -> Any:
        return strictly(decorated) if any(shaped.search(str(hint)) for hint in decorated.__annotations__.values()) else decorated

    module = types.ModuleType("mcgurk_annotations")  # the hook wants a name to import
    vars(module)["check"] = check
    sys.modules[module.__name__] = module
    source = Path(__file__).resolve().parents[1] / "src"
    files = [path.relative_to(source).with_suffix("") for path in source.rglob("*.py") if "numba" not in path.read_text(encoding="utf-8")]
    install_import_hook([".".join(file.parts) for file in files if file.name != "__init__"], f"{module.__name__}.check")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Features go to a temporary folder, in this process and in the ones it starts; installed weights are linked into it."""
    import mcgurk

    folder = tmp_path_factory.mktemp("cache")
    (folder / "assets").mkdir()
    for weights in (mcgurk.config.cache / "assets").glob("*"):
        (folder / "assets" / weights.name).symlink_to(weights, target_is_directory=True)
    before = os.environ.get("MCGURK_CACHE")
    os.environ["MCGURK_CACHE"] = str(folder)
    with mcgurk.config.set(cache=folder, progress=False):
        yield
    if before is None:
        del os.environ["MCGURK_CACHE"]
    else:
        os.environ["MCGURK_CACHE"] = before


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """A test that changed torch's thread count must not change the next one's figures."""
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_root() -> Callable[[str], Path]:
    """``data_root("houses")``: that folder of real data, or a skip that says what is missing."""

    def find(name: str) -> Path:
        root = os.environ.get("MCGURK_DATA")
        if not root:
            pytest.skip(f"real data {name!r}: MCGURK_DATA is not set")
        folder = Path(root) / name
        if not folder.exists():
            pytest.skip(f"real data {name!r}: {folder} does not exist")
        return folder

    return find
