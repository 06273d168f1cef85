"""The part of JSON Schema (draft 2020-12) that the schema of ``result.json`` uses, and no other."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
SILENT = {"$schema", "$id", "$defs", "title", "description", "then"}


def result_schema() -> dict[str, Any]:
    """The schema that the package ships."""
    text = (files("hepsets.analyses") / "result.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def problems(
    value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None, at: str = "$"
) -> list[str]:
    """What of a value the schema does not allow; nothing if it is valid.

    Of an object ``type`` stands first, so that the other keywords may take it for one.
    """
    root = schema if root is None else root
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword in SILENT or keyword == "additionalProperties":
            continue
        if keyword == "$ref":
            found += problems(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, at)
        elif keyword == "allOf":
            found += [text for part in wanted for text in problems(value, part, root, at)]
        elif keyword == "if":
            found += [] if problems(value, wanted, root, at) else problems(value, schema["then"], root, at)
        elif keyword == "type":
            if not any(_is(value, kind) for kind in ([wanted] if isinstance(wanted, str) else wanted)):
                return [f"{at} is {value!r}, not {wanted}"]
        elif keyword == "const":
            found += [] if value == wanted else [f"{at} is {value!r}, not {wanted!r}"]
        elif keyword == "required":
            found += [f"{at}.{name} is missing" for name in wanted if name not in value]
        elif keyword == "properties":
            for name in wanted.keys() & value.keys():
                found += problems(value[name], wanted[name], root, f"{at}.{name}")
        elif keyword == "items":
            for i, item in enumerate(value):
                found += problems(item, wanted, root, f"{at}[{i}]")
        elif keyword == "minimum":
            found += [] if value >= wanted else [f"{at} is {value}, below {wanted}"]
        elif keyword == "pattern":
            found += [] if re.search(wanted, value) else [f"{at} is {value!r}, not like {wanted}"]
        else:
            raise NotImplementedError(keyword)
    more = schema.get("additionalProperties", True)
    for name in (value.keys() - schema.get("properties", {}).keys()) if isinstance(value, dict) else ():
        if more is False:
            found.append(f"{at}.{name} is not known")
        elif more is not True:
            found += problems(value[name], more, root, f"{at}.{name}")
    return found


def _is(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        return isinstance(value, int if kind == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])
