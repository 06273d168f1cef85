"""The one exception that bad input raises: what came, what was expected, how to mend it."""

from __future__ import annotations

import os

_LONGEST = 1000


class InputError(ValueError):
    """Bad input from the user: shown as one line, exit code 2, never a traceback.

    Parameters
    ----------
    came
        What was found, with the file, event or option it was found in.
    expected
        What would have been right.
    remedy
        What the user can do about it (optional where ``expected`` says it already).
    """

    def __init__(self, came: str, expected: str, remedy: str = "") -> None:
        self.came = came
        self.expected = expected
        self.remedy = remedy
        message = f"{_line(came)}; expected {_line(expected)}"
        super().__init__(f"{message}; {remedy}" if remedy else message)

    def within(self, source: object) -> InputError:
        """The same, naming the file or stream that it was found in, unless it does so already.

        Examples
        --------
        >>> print(InputError("no events", "at least one").within("a.parquet").within("a.parquet"))
        a.parquet: no events; expected at least one
        """
        if str(source) in self.came:
            return self
        return type(self)(f"{source}: {self.came}", self.expected, self.remedy)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        """So that it comes back from a worker process as it was."""
        return type(self), (self.came, self.expected, self.remedy)


def reason(error: BaseException) -> str:
    """What went wrong, in one line, without the path that an ``OSError`` repeats."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def is_of_threads(error: BaseException) -> bool:
    """Whether no more threads may start: Python has no class of its own for that."""
    return isinstance(error, RuntimeError) and "start new thread" in str(error)


def _line(text: str) -> str:
    """The text in one line that people read: what came may be a number of thousands of digits."""
    text = " ".join(text.splitlines())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
