"""Commands: their files are checked before any work, and several files may follow one option."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import ArgumentInfo, OptionInfo

from hepsets.core.errors import InputError
from hepsets.core.extras import require
from hepsets.core.file_roles import Input, NamedOutput, Output, check_files, expand_patterns

Function = TypeVar("Function", bound=Callable[..., Any])


class Parameter:
    """A parameter of a command.

    Parameters
    ----------
    name
        In Python.
    hint
        Its annotation.

    Attributes
    ----------
    names
        Of the option; none for an argument.
    role
        :class:`Input`, :class:`Output` or ``None``.
    several
        Whether it takes a list.
    flag
        Whether it takes no value.
    is_path
        Whether it is a path or a list of them.
    required
        Whether a command line without it is refused.
    """

    def __init__(self, name: str, hint: Any, required: bool = False) -> None:
        marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        self.type = get_args(hint)[0] if marks else hint
        info = next((mark for mark in marks if isinstance(mark, ArgumentInfo | OptionInfo)), None)
        self.name, self.required = name, required
        self.role = next((mark for mark in marks if isinstance(mark, Input | Output)), None)
        kinds = (self.type, *get_args(self.type))
        self.several = any(get_origin(kind) is list for kind in kinds)
        self.flag = bool in kinds
        self.is_path = any(kind is Path or get_args(kind) == (Path,) for kind in kinds)
        given = (getattr(info, "default", None), *(getattr(info, "param_decls", None) or ()))
        own = tuple(text for text in given if isinstance(text, str) and text.startswith("-"))
        names = own or ("--" + name.replace("_", "-"),)
        self.names: tuple[str, ...] = names if isinstance(info, OptionInfo) else ()


def parameters(function: Callable[..., Any]) -> list[Parameter]:
    """The parameters of a command's function."""
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function).parameters.values()
    return [Parameter(one.name, hints[one.name], one.default is inspect.Parameter.empty) for one in signature]


class Commands:
    """The commands of an application.

    Parameters
    ----------
    app
        The application.

    Attributes
    ----------
    functions
        By the name of the command.
    """

    def __init__(self, app: typer.Typer) -> None:
        self._app = app
        self.functions: dict[str, Callable[..., Any]] = {}
        self._open: set[str] = set()

    def __call__(
        self, name: str, epilog: Callable[[], str] | None = None, *, needs: str = ""
    ) -> Callable[[Function], Function]:
        """Make a function the command ``name``; its files are checked before it is called.

        Before that, what it ``needs`` beside the base installation (:func:`hepsets.core.extras.require`).

        With an ``epilog``, a text that is made when help is asked for, further options are handed on as
        settings: ``--level generator`` as ``--set level=generator``.
        """

        class WithEpilog(TyperCommand):
            def format_help(self, *arguments: Any) -> None:
                self.epilog = epilog() if epilog else None
                super().format_help(*arguments)

        def add(function: Function) -> Function:
            known = parameters(function)

            @functools.wraps(function)
            def checked(**values: Any) -> Any:
                if needs:
                    require(needs, f"hepsets {name}")
                return function(**_checked(known, values))

            self.functions[name] = function
            if epilog:
                self._open.add(name)
            self._app.command(name, cls=WithEpilog)(checked)
            return function

        return add

    def arguments(self, words: Sequence[str]) -> list[str]:
        """A command line with ``--data a b`` written as ``--data a --data b``."""
        place = next((i for i, word in enumerate(words) if not word.startswith("-")), len(words))
        function = self.functions.get(words[place]) if place < len(words) else None
        if function is None:
            return list(words)
        known, rest = parameters(function), list(words[place + 1 :])
        refuse_empty(rest, known)
        if words[place] in self._open:
            rest = settings_of(rest, known)
        return [*words[: place + 1], *repeat_options(rest, known)]


def refuse_empty(words: Sequence[str], known: Sequence[Parameter]) -> None:
    """Refuse words without a letter, as shells make them of variables that are not set.

    Raises
    ------
    InputError
        For the first one.
    """
    optional = {name: not parameter.required for parameter in known for name in parameter.names}
    for place, word in enumerate(words):
        option, equals, value = word.partition("=")
        if word and not (option in optional and equals and not value):
            continue
        before = words[place - 1] if not word and place else option
        named = before in optional
        raise InputError(
            f"{before} ''" if named else "an empty word",
            "a value that is not empty",
            f"give one, or leave {before} out" if named and optional[before] else "",
        )


def settings_of(words: Sequence[str], known: Sequence[Parameter]) -> list[str]:
    """Options that a command does not know as settings; whoever reads these refuses unknown ones.

    Raises
    ------
    InputError
        For one without a value.

    Examples
    --------
    >>> def infer(events: str, out: Annotated[str, typer.Option()] = ""): ...
    >>> settings_of(["a", "--level", "generator", "--out", "b"], parameters(infer))
    ['a', '--set', 'level=generator', '--out', 'b']
    """
    names = {name for parameter in known for name in parameter.names} | {"-h", "--help"}
    made: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        if word == "--":
            return [*made, word, *rest]
        if not option.startswith("--") or option in names:
            made.append(word)
            continue
        if not equals and not rest:
            raise InputError(option, f"a value after it: {option} VALUE")
        value = value if equals else rest.pop(0)
        made += ["--set", f"{option[2:].replace('-', '_')}={value}"]
    return made


def repeat_options(words: Sequence[str], known: Sequence[Parameter]) -> list[str]:
    """Repeat an option that takes a list of files before each of the words that follow it.

    The last of these words stay arguments as far as the command lacks arguments otherwise.

    Examples
    --------
    >>> def run(analysis: str, data: Annotated[list[Path], typer.Option(), Input()]): ...
    >>> repeat_options(["fit", "--data", "a", "b"], parameters(run))
    ['fit', '--data', 'a', '--data', 'b']
    >>> repeat_options(["--data", "a", "b", "fit"], parameters(run))
    ['--data', 'a', '--data', 'b', 'fit']
    """
    options = {name: parameter for parameter in known for name in parameter.names}
    needed = sum(1 for parameter in known if not parameter.names)
    made: list[str] = []
    extra: list[int] = []  # places in ``made`` of words that follow the value of a list option
    arguments, many, rest = 0, "", list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            made += [word, *rest]
            arguments += len(rest)
            break
        option = options.get(word.partition("=")[0])
        if option is not None or (word.startswith("-") and word != "-"):
            made.append(word)
            takes = option is not None and not option.flag and "=" not in word
            if takes and rest:
                made.append(rest.pop(0))
            files = option is not None and option.several and isinstance(option.role, Input)
            many = word.partition("=")[0] if files else ""
        elif many:
            extra.append(len(made) + 1)
            made += [many, word]
        else:
            made.append(word)
            arguments += 1
    for place in reversed(extra[arguments - needed :] if needed > arguments else []):
        del made[place - 1]
    return made


def _checked(known: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with patterns expanded, after a check of all files."""
    found = dict(values)
    inputs: list[Path] = []
    outputs: list[NamedOutput] = []
    for parameter in known:
        value = found.get(parameter.name)
        if value is None or parameter.role is None:
            continue
        if isinstance(parameter.role, Output):
            option = parameter.names[0] if parameter.names else parameter.name
            outputs.append(NamedOutput(option, value, parameter.role))
            continue
        if parameter.several:
            found[parameter.name] = value = expand_patterns(value)
        inputs += [parameter.role.find(item) for item in (value if parameter.several else [value])]
    check_files(inputs, outputs)
    return found


def refuse_unused(why: str, **given: object) -> None:
    """Refuse options that are not used, given by the name of their parameter.

    Raises
    ------
    InputError
        If one has a value.
    """
    for name, value in given.items():
        if value is not None and value is not False:
            option = "--" + name.replace("_", "-")
            raise InputError(f"{option} for {why}", f"no {option}, which would not be used", "leave it out")
