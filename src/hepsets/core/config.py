"""Configurations: frozen dataclasses to and from TOML, with dotted overrides and no unknown keys."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import tomli_w
from pydantic import TypeAdapter, ValidationError

from hepsets.core.errors import InputError, reason

Config = TypeVar("Config")

NONE = "none"
"""Takes away what there is by default, in TOML and for ``--set``."""


def from_mapping(kind: type[Config], values: Mapping[str, Any], *, source: str = "configuration") -> Config:
    """Build a (nested) config dataclass from plain values; what is not given keeps its default.

    In a table that is given in part, too: what ``fit.epochs = 3`` does not say of ``fit`` is as ``kind`` has
    it by default, whatever the class of ``fit`` has.

    Raises
    ------
    InputError
        For an unknown key (with the nearest known one) or a value of the wrong type or range.
    """
    try:
        return TypeAdapter(kind).validate_python(_completed(kind, _defaults(kind), values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            known = _field_names(kind, [str(part) for part in first["loc"][:-1]])
            near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            raise InputError(
                f"{source}: unknown key {where!r}",
                f"one of {', '.join(known)}",
                f"did you mean {near[0]!r}?" if near else "",
            ) from error
        if first["type"] == "missing":
            raise InputError(f"{source}: no value for {where}", "a value") from error
        message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        raise InputError(f"{source}: {where or 'value'} = {first['input']!r}", message) from error


def _completed(kind: Any, defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a dataclass, tables among them completed by those of the defaults."""
    completed = {}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, Mapping) and _is_config(default):
            own = _own(default)
            value = {**own, **_completed(type(default), own, value)}
        elif value == NONE and default is not None and type(None) in get_args(get_type_hints(kind).get(key)):
            value = None
        completed[key] = value
    return completed


def _is_config(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _own(config: Any) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def _defaults(kind: Any) -> dict[str, Any]:
    """Defaults of the fields of a dataclass that have one."""
    known = getattr(kind, "__pydantic_fields__", None)
    if known is not None:
        return {
            name: field.get_default(call_default_factory=True)
            for name, field in known.items()
            if not field.is_required()
        }
    defaults = {}
    for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = field.default_factory()
    return defaults


def _field_names(kind: Any, path: Sequence[str]) -> list[str]:
    for name in path:
        nested = get_type_hints(kind).get(name)
        if not dataclasses.is_dataclass(nested):
            return []
        kind = nested
    return [field.name for field in dataclasses.fields(kind)]


def to_mapping(config: Any) -> dict[str, Any]:
    """Plain nested values of a config dataclass or a mapping.

    TOML has no ``None``: it is left out, or written as :data:`NONE` where the default is something else.
    """
    return dict(_plain(config, None))


def _plain(value: Any, default: Any) -> Any:
    if _is_config(value):
        defaults = _own(default) if _is_config(default) else _defaults(type(value))
        return {
            name: NONE if item is None else _plain(item, defaults.get(name))
            for name, item in _own(value).items()
            if item is not None or defaults.get(name) is not None
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item, None) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item, None) for item in value]
    return str(value) if isinstance(value, Path) else value


def to_toml(config: Any) -> str:
    """The config as TOML; reading it back gives the same config.

    Raises
    ------
    InputError
        For a path that is not UTF-8, which TOML cannot hold.
    """
    text = tomli_w.dumps(to_mapping(config))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text[text.rfind("\n", 0, error.start) + 1 :].splitlines()[0]
        raise InputError(
            f"{line}: a path that is not UTF-8", "one that TOML can hold", "rename it"
        ) from error
    return text


def sha256(config: Any) -> str:
    """Fingerprint of a config's content."""
    return hashlib.sha256(to_toml(config).encode()).hexdigest()


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        If it does not exist or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)})", "a TOML file", "check the path"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply", "tables and lists of a few levels") from error
    except ValueError as error:  # also a number of thousands of digits
        raise InputError(f"{path} is not TOML ({error})", "a TOML file") from error


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over`` put in, table by table."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """Nested values from ``key.subkey=value`` strings; values are TOML, bare words are strings.

    Raises
    ------
    InputError
        For a string without ``=``.

    Examples
    --------
    >>> parse_overrides(["fit.epochs=3", "models=['deep_sets']", "skim=hadronic_b0"])
    {'fit': {'epochs': 3}, 'models': ['deep_sets'], 'skim': 'hadronic_b0'}
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--set {pair}", "key=value", "for example --set fit.epochs=3")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except ValueError:  # no TOML, or a number of thousands of digits
            value = text.strip()
        except RecursionError as error:
            raise InputError(f"--set {key} is nested too deeply", "a list of a few levels") from error
        for part in reversed(key.strip().split(".")):
            value = {part: value}
        values = merge(values, value)
    return values
