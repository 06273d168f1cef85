"""Every setting of a configuration with its meaning, as TOML that can be given back."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Literal, get_args, get_origin, get_type_hints

import tomli_w

from hepsets.core.config import NONE, to_mapping

_WIDTH = 100
_ROLE = re.compile(r":\w+:`~?([\w.]+)`")
_OTHERS = re.compile(r"others are those of :class:`~?([\w.]+)`")


def meanings(kind: type[Any]) -> dict[str, str]:
    """What each field of a dataclass means, from the ``Parameters`` of its docstring and its bases'.

    Parameters
    ----------
    kind
        The dataclass; fields whose description it leaves to another class ("The others are those of …") have
        that of the other.

    Examples
    --------
    >>> from hepsets.learn.training.config import FitConfig
    >>> meanings(FitConfig)["epochs"]
    'Most passes over the training part, unless least_steps asks for more.'
    """
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        text = inspect.cleandoc(each.__doc__ or "") if each is not object else ""
        other = _OTHERS.search(text)
        if other:
            module, _, name = other[1].rpartition(".")
            found = meanings(getattr(import_module(module), name)) | found
        found |= _parameters(text)
    return found


def described(config: Any) -> str:
    """A configuration as TOML, each setting below a comment that says what it means.

    Reading it back gives the same configuration. What is not set, or empty, stands as a comment.

    Parameters
    ----------
    config
        A dataclass, whose fields may be dataclasses and mappings.
    """
    return "\n".join(_lines(config, (), to_mapping(config))).strip() + "\n"


def _parameters(text: str) -> dict[str, str]:
    """Names and descriptions in the section ``Parameters`` of a docstring."""
    _, _, section = text.partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w[^\n]*\n-{3,}\n", section)[0]
    found: dict[str, str] = {}
    for names, body in re.findall(
        r"^(\w[\w, ]*)\n((?:[ ]+\S.*\n?|\n(?=[ ]))+)", section + "\n", re.MULTILINE
    ):
        plain = _ROLE.sub(lambda match: match[1].rpartition(".")[2], " ".join(body.split()))
        found |= {name.strip(): plain.replace("``", "") for name in names.split(",")}
    return found


def _lines(config: Any, path: tuple[str, ...], written: Mapping[str, Any]) -> Iterator[str]:
    meaning, hints = meanings(type(config)), get_type_hints(type(config))
    tables: list[str] = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value) or _is_table(value):
            tables.append(field.name)
            continue
        yield from _comment(meaning.get(field.name, ""), hints[field.name])
        if value is None and field.name not in written:
            yield f"# {field.name} is not set"
        else:
            yield _assignment(field.name, NONE if value is None else value)
        yield ""
    for name in tables:
        value, own = getattr(config, name), (*path, name)
        yield from _comment(meaning.get(name, ""), None)
        if dataclasses.is_dataclass(value):
            yield f"[{'.'.join(own)}]"
            yield from _lines(value, own, written[name])
        elif value:
            yield from _nested(own, to_mapping({name: value})[name]).splitlines()
        else:
            yield f"# [{'.'.join(own)}] is empty"
        yield ""


def _is_table(value: Any) -> bool:
    """Whether TOML writes a value as tables, which must stand below what is none."""
    of_tables = isinstance(value, list | tuple) and any(
        dataclasses.is_dataclass(item) or isinstance(item, Mapping) for item in value
    )
    return isinstance(value, Mapping) or of_tables


def _assignment(name: str, value: Any) -> str:
    text = tomli_w.dumps(to_mapping({name: value})).strip()
    short = " ".join(line.strip() for line in text.splitlines()).replace("[ ", "[").replace(", ]", "]")
    return short if len(short) <= _WIDTH and "\\" not in short else text


def _nested(path: tuple[str, ...], value: Any) -> str:
    for name in reversed(path):
        value = {name: value}
    return tomli_w.dumps(value)


def _comment(meaning: str, hint: Any) -> Iterator[str]:
    choices = _choices(hint)
    if choices:
        meaning = f"{meaning} One of {', '.join(choices)}.".strip()
    yield from textwrap.wrap(meaning, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _choices(hint: Any) -> list[str]:
    """The values that a setting may have, where its type lists them."""
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    found = [choice for each in get_args(hint) for choice in _choices(each)]
    return list(dict.fromkeys(found))
