"""What every verb shares: its common options, its two voices (people, machines) and how it fails.

A verb is a plain function. It talks to people with :func:`say` and :func:`console`, and returns a result, or a value made of dicts,
lists, numbers and strings. Under ``--json`` the talk is muted and the returned value is printed, so no verb formats JSON. It fails by
raising a :class:`~mcgurk.errors.McgurkError`. ``--json --debug --quiet --cache --threads`` are added to it here; a verb that declares one
of these names itself receives it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json as json_text
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.exceptions import TyperException

from mcgurk.config import set as configure
from mcgurk.errors import McgurkError, McgurkWarning

if TYPE_CHECKING:
    from rich.console import Console

PANEL = "Every verb"
SHARED: dict[str, tuple[Any, Any]] = {
    "json": (bool, typer.Option(False, "--json", help="Print one JSON object and nothing else.", rich_help_panel=PANEL)),
    "quiet": (bool, typer.Option(False, "--quiet", help="No progress bars, no notes.", rich_help_panel=PANEL)),
    "debug": (bool, typer.Option(False, "--debug", help="Show the traceback of an error.", rich_help_panel=PANEL)),
    "cache": (Path | None, typer.Option(None, "--cache", help="Folder for cached features.", rich_help_panel=PANEL)),
    "threads": (int | None, typer.Option(None, "--threads", min=1, help="Threads of one computation.", rich_help_panel=PANEL)),
}


@dataclass
class Session:
    """The running verb's options and outcome."""

    json: bool = False
    quiet: bool = False
    debug: bool = False
    exit_code: int = 0
    """A verb that finishes but has bad news (a failed check) sets this to 1."""
    resume: str = "run the same command again; finished work is kept"
    """What a person does after Ctrl-C; a verb with a run folder names it here."""


session = Session()


# What a verb uses.


def console() -> Console:
    """A rich console on standard output, mute under ``--json``."""
    from rich.console import Console

    return Console(quiet=session.json, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One paragraph on standard output, without markup; mute under ``--json``."""
    if not session.json:
        typer.echo(text)


def note(text: str) -> None:
    """A remark on standard error that ``--quiet`` silences; results never go here."""
    if not session.quiet:
        typer.echo(text, err=True)


# What the root uses.


def import_from_here() -> None:
    """A person's own classes in the current folder can be named as ``module:Class``."""
    if "" not in sys.path:
        sys.path.insert(0, "")


def command(verb: str, target: Callable[..., Any] | typer.Typer) -> Any:
    """The click command of a verb's function, or of its ``typer.Typer`` of sub-verbs."""
    if isinstance(target, typer.Typer):
        for item in target.registered_commands:
            if item.callback is not None:
                item.callback = _with_shared_options(item.callback)
        group = typer.main.get_group(target)
        group.name = verb
        return group
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(verb)(_with_shared_options(target))
    return typer.main.get_command(alone)


def _with_shared_options(function: Callable[..., Any]) -> Callable[..., int]:
    if getattr(function, "shares_options", False):  # sub-verbs pass here each time their group is built
        return function
    signature = inspect.signature(function, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in SHARED.items()
        if name not in signature.parameters
    ]

    @functools.wraps(function)
    def verb(**given: Any) -> int:
        shared = {name: given[name] for name in SHARED if name in given}
        own = {name: value for name, value in given.items() if name in signature.parameters}
        with _session(shared):
            result = function(**own)
            if session.json:
                _print_json(result)
            return session.exit_code

    own_parameters = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in signature.parameters.values()]
    verb.__signature__ = inspect.Signature([*own_parameters, *added])  # type: ignore[attr-defined]
    verb.shares_options = True  # type: ignore[attr-defined]
    verb.__annotations__ = {item.name: item.annotation for item in [*own_parameters, *added]}
    return verb


def _print_json(result: Any) -> None:
    from mcgurk.results import Result, plain

    whole = json_text.loads(result.to_json()) if isinstance(result, Result) else plain(result)
    typer.echo(json_text.dumps(whole, ensure_ascii=False))


@contextlib.contextmanager
def _session(shared: dict[str, Any]) -> Iterator[None]:
    vars(session).update(vars(Session(**{name: shared[name] for name in ("json", "quiet", "debug") if name in shared})))
    settings = {name: shared[name] for name in ("cache", "threads") if shared.get(name) is not None}
    if session.quiet:
        settings["progress"] = False
    with configure(**settings), warnings.catch_warnings():
        if not session.debug:
            warnings.simplefilter("ignore")
        warnings.simplefilter("always", McgurkWarning)
        warnings.showwarning = _show_warning
        yield


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    code = f" [{message.code}]" if isinstance(message, McgurkWarning) else f" [{category.__name__}]"
    note(f"Note: {message}{code}")


def run(app: typer.Typer, arguments: list[str]) -> int:
    """Run the command line and return its exit code; every way of failing ends in one sentence."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    machine, debug = "--json" in options, "--debug" in options
    try:
        code = typer.main.get_command(app)(args=arguments, prog_name="mcgurk", standalone_mode=False) or 0
        if code == 130:
            return _fail(f"stopped; {session.resume}", "E10", machine, 130)
        sys.stdout.flush()
        return int(code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left (`| head`); nothing is wrong
        return 0
    except TyperException as error:
        if error.exit_code == 2 and not machine and type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
            return 2
        context = getattr(error, "ctx", None)
        hint = f" (`{context.command_path} --help` shows what it takes)" if context else ""
        return _fail(f"{error.format_message()}{hint}", "E01", machine, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(f"stopped; {session.resume}", "E10", machine, 130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _fail(*_sentence(error), machine, 1)


def _sentence(error: Exception) -> tuple[str, str]:
    if isinstance(error, McgurkError):
        return str(error), error.code
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return f"{what}; check the path, its permissions and the free space", "E03"
    if isinstance(error, MemoryError):
        return "the work did not fit into memory; take fewer rows, smaller items or fewer threads", "R00"
    said = str(error).splitlines()[:1] or [""]
    return f"a fault inside mcgurk ({type(error).__name__}: {said[0]}); run again with --debug and report the traceback", "E99"


def _fail(message: str, code: str, machine: bool, exit_code: int) -> int:
    if machine:
        typer.echo(json_text.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False))
    else:
        typer.echo(f"Error: {message} [{code}]", err=True)
    return exit_code
