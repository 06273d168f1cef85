"""Standard streams that take any text, whatever the terminal can show, and that may be closed."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress

_PLAIN = {
    "Δ": "d", "Υ": "Y", "χ": "chi", "π": "pi", "μ": "mu", "γ": "gamma", "ν": "nu", "ψ": "psi", "ρ": "rho",
    "θ": "theta", "τ": "tau", "σ": "sigma", "Σ": "sum", "φ": "phi", "√": "sqrt",
    "⁰": "0", "⁺": "+", "⁻": "-", "⁽": "(", "⁾": ")", "²": "2", "³": "3", "¹": "1", "⁴": "4", "₀": "0",
    "±": "+-", "×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "≤": "<=", "≥": ">=", "≈": "~", "→": "->",
    "…": "...", "’": "'", "‘": "'", "“": '"', "”": '"', "é": "e", "°": " deg", "∞": "inf", "•": "*",
    "\u0304": "bar", "│": "|", "─": "-", "╭": "+", "╮": "+", "╰": "+", "╯": "+",
}  # fmt: skip


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """Stand-ins for what an encoding lacks; bytes of a path that is no text stay as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    if "\udc80" <= text[0] <= "\udcff":
        return bytes([ord(text[0]) - 0xDC00]), error.start + 1
    return _PLAIN.get(text[0], "?"), error.start + 1


codecs.register_error("hepsets", _plainly)


def prepare_streams() -> None:
    """Make the standard streams take any text, and give those that are closed something to stand on.

    What is written to a closed standard output is an error; a closed standard error is silent.
    """
    for number, name, mode in (
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", os.O_RDONLY),
        (2, "stderr", os.O_WRONLY),
    ):
        if getattr(sys, name) is None and not _is_open(number):
            _stand_in(number, mode)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="hepsets")


def echo(text: str, *, err: bool = False) -> None:
    """Write a line to standard output or error; letters that the terminal lacks get stand-ins.

    ``click.echo`` would take a stream of another encoding than UTF-8 for misconfigured.
    """
    try:
        print(text, file=sys.stderr if err else sys.stdout, flush=True)
    except BrokenPipeError:  # who reads has enough
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"standard {'error' if err else 'output'}") from error


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _stand_in(number: int, mode: int) -> None:
    null = os.open(os.devnull, mode)
    if null != number:
        os.dup2(null, number)
        os.close(null)


def discard_output() -> None:
    """Drop what standard output has not taken, so that the end of the process does not try again."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            _stand_in(sys.stdout.fileno(), os.O_WRONLY)
            sys.stdout.flush()
