"""What the source never does: run code from data, write a file in pieces, speak past the command line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src" / "mcgurk"
FILES = sorted(SRC.rglob("*.py"))
BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "skops", "h5py"}
BANNED_CALLS = {
    "torch.load": "it unpickles; models are safetensors",
    "torch.save": "it pickles; models are safetensors",
    "torch.export.load": "it falls back to weights_only=False",
    "torch.jit.load": "it runs what the file holds",
    "pandas.read_pickle": "it unpickles",
    "yaml.load": "there is no YAML here",
    "os.system": "use subprocess with a list",
}
# The one writer, and the one place where foreign weight files are converted (weights_only, in a process of its own).
MAY_WRITE = {"files.py"}
MAY_TORCH_LOAD = {"encoders/_convert.py"}


def dotted(node: ast.expr) -> str:
    """``torch.export.load`` for the expression that reads so, aliases np and pd spelt out; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append({"np": "numpy", "pd": "pandas"}.get(node.id, node.id))
    return ".".join(reversed(parts))


def keyword(call: ast.Call, name: str) -> object:
    for item in call.keywords:
        if item.arg == name:
            return item.value.value if isinstance(item.value, ast.Constant) else "computed"
    return None


def faults(path: Path) -> list[str]:
    """Every breach in one file, as "line: sentence"."""
    name = path.relative_to(SRC).as_posix()
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"{node.lineno}: imports {module}" for module in modules if module.split(".")[0] in BANNED_MODULES]
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
            if broad and all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body):
                found.append(f"{node.lineno}: swallows every exception")
        if isinstance(node, ast.Call):
            found += [f"{node.lineno}: {sentence}" for sentence in call_faults(node, name)]
    return found


def call_faults(node: ast.Call, name: str) -> list[str]:
    called = dotted(node.func)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    found = []
    if called in BANNED_CALLS and not (called == "torch.load" and name in MAY_TORCH_LOAD and keyword(node, "weights_only") is True):
        found.append(f"calls {called}: {BANNED_CALLS[called]}")
    if called in ("eval", "exec", "compile", "__import__"):
        found.append(f"calls {called}")
    if called == "print":
        found.append("prints; speak through cli._shell")
    if called.endswith("numpy.load") and keyword(node, "allow_pickle") not in (None, False):
        found.append("numpy.load(allow_pickle=...)")
    if keyword(node, "weights_only") is False:
        found.append("weights_only=False")
    if keyword(node, "shell") not in (None, False):
        found.append("a shell command")
    if name not in MAY_WRITE:
        if called in ("open", "io.open", "gzip.open") or method == "open":
            position = 1 if called in ("open", "io.open", "gzip.open") else 0
            given = node.args[position] if len(node.args) > position else None
            mode = given.value if isinstance(given, ast.Constant) else keyword(node, "mode")
            if isinstance(mode, str) and len(mode) <= 3 and set(mode) & set("wax+"):
                found.append("opens a file for writing; use files.atomic_open")
        if method in ("write_text", "write_bytes", "tofile", "to_pickle"):
            found.append(f"writes with .{method}; use files.atomic_write")
        if called in ("numpy.save", "numpy.savez", "numpy.savez_compressed", "safetensors.torch.save_file", "safetensors.numpy.save_file"):
            first = node.args[0] if node.args else None
            if called.startswith("safetensors") or not (
                isinstance(first, ast.Name) and first.id in ("handle", "file", "buffer", "sink", "f", "out")
            ):
                found.append(f"calls {called} on a path; write to an atomic_open handle")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_bans(path: Path) -> None:
    found = faults(path)
    assert not found, f"{path.relative_to(SRC)}: " + "; ".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(p)",
        "np.load(p, allow_pickle=True)",
        "pd.read_pickle(p)",
        "torch.export.load(p)",
        "open(p, 'w')",
        "open(p, mode='ab')",
        "path.open('w')",
        "path.write_text('')",
        "eval('1')",
        "yaml.load(s)",
        "print(1)",
        "f(weights_only=False)",
        "subprocess.run('ls', shell=True)",
        "try:\n    f()\nexcept Exception:\n    pass",
    ],
)
def test_the_ban_sees_it(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lint that cannot fail holds nothing."""
    monkeypatch.setitem(globals(), "SRC", tmp_path)
    path = tmp_path / "some.py"
    path.write_text(line)
    assert faults(path)
