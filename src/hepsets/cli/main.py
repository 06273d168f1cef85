"""The command ``hepsets``: reads the options, calls one stage, prints what came out."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from typing import Annotated, Any

import typer

from hepsets.cli import apply, events, filter, fit_mass, infer, look, new_analysis, pretrain, run, tag  # noqa: A004, F401 (each adds its commands)
from hepsets.cli.application import app, command
from hepsets.core.compiling import tell_compiling
from hepsets.core.errors import InputError, is_of_threads, reason
from hepsets.core.extras import telling_extras
from hepsets.core.private_folder import house_matplotlib
from hepsets.core.streams import discard_output, echo, prepare_streams
from hepsets.core.whole_file import final_name

__all__ = ["app", "command", "main"]

Refusal: type[Exception] = typer.BadParameter.__mro__[2]
"""What typer raises for options it cannot read (click's ``ClickException``, wherever typer keeps click)."""


def _version(wanted: bool) -> None:
    if wanted:
        from hepsets import __version__

        echo(f"hepsets {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of bad input.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Learn on the sets that particle collisions make."""


_INTERRUPTED = 128 + signal.SIGINT
_CLOSED = 128 + signal.SIGPIPE
_STOPPED = tuple(128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


def _terminate(number: int, _: object) -> None:
    """Leave as after an error: partial files are removed, worker processes end."""
    raise SystemExit(128 + number)


def main() -> None:
    """Entry point: what goes wrong outside the program gives one line on standard error and exit code 2.

    A reader of standard output that has enough ends the command quietly with 141, as other tools of the
    system do; Ctrl-C gives 130.
    """
    prepare_streams()
    tell_compiling()
    house_matplotlib()
    atexit.register(gc.freeze)  # or taking the libraries apart at the end takes a second
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
        signal.signal(signal.SIGHUP, _terminate)
    code = _run(sys.argv[1:])
    if code == _INTERRUPTED:
        _say("interrupted")
    if code in _STOPPED:  # all else is cleaned up
        _end_workers()
        os._exit(code)
    raise SystemExit(code)


def _end_workers() -> None:
    """End worker processes, whatever they are at, and take back what multiprocessing would call leaked."""
    if "multiprocessing.util" in sys.modules:
        from multiprocessing import active_children, util

        for worker in active_children():
            worker.kill()
        util._run_finalizers(0)  # type: ignore[attr-defined]  # semaphores; the public way waits for workers


def _run(words: list[str]) -> int:
    """Exit code of a command; its output has left this process."""
    stdout = sys.stdout
    try:
        try:
            with telling_extras(f"hepsets {next((word for word in words if word[:1] != '-'), '')}".rstrip()):
                found = app(command.arguments(words), prog_name="hepsets", standalone_mode=False)
            code = found if isinstance(found, int) else 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
            if sys.stdout is not stdout:  # typer found that nobody reads
                sys.stdout = stdout
                raise BrokenPipeError from None
        sys.stdout.flush()
        return code
    except Refusal as error:
        return _refused(error)
    except BrokenPipeError:
        discard_output()
        return _CLOSED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (InputError, OSError, UnicodeError, MemoryError, RuntimeError) as error:
        if "--debug" in words or not _from_outside(error):
            raise
        discard_output()
        _say(f"error: {_told(error)}")
        return 2


def _from_outside(error: Exception) -> bool:
    """Whether it is the machine's, the user's or a file's fault, and no error of the program."""
    if isinstance(error, RuntimeError) and not isinstance(error, RecursionError | BrokenExecutor):
        return is_of_threads(error)
    return True


def _refused(error: Any) -> int:
    """Say in one line what typer could not read; the exit code."""
    text = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    if text.strip() and type(error).__name__ != "NoArgsIsHelpError":  # that one has shown the help
        _say(f"error: {text}; see {context.command_path if context else 'hepsets'} --help")
    return int(error.exit_code)


def _told(error: Exception) -> str:
    """What went wrong outside the program, as one line."""
    if isinstance(error, OSError):
        name = (
            f"{final_name(os.fsdecode(error.filename))}: " if isinstance(error.filename, str | bytes) else ""
        )
        return name + reason(error)
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object!r:.80} cannot be written as {error.encoding}; expected names that are"
    if isinstance(error, MemoryError):
        return f"out of memory ({reason(error)})"
    if isinstance(error, RecursionError):
        return "something is nested too deeply in one of the files"
    if isinstance(error, BrokenExecutor):
        return "a worker process was killed; expected enough memory for all of them; try fewer --workers"
    if is_of_threads(error):
        return "no thread more may start; expected a limit of processes (ulimit -u) that leaves room for some"
    return str(error)


def _say(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write("hepsets: " + " ".join(text.split()) + "\n")
        sys.stderr.flush()
