"""Records in JSON that carry a checksum of their content, and of the files that belong to them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hepsets.core.errors import InputError

KEY = "sha256"


def parse(text: str | bytes) -> Any:
    """What JSON text says.

    Raises
    ------
    ValueError
        If it is no JSON, nested more deeply than anything that makes sense, or has a number that is
        not finite: NaN and infinities, which Python reads though JSON has none, and 1e999.

    Examples
    --------
    >>> parse('{"low": 1.5}')
    {'low': 1.5}
    >>> parse('{"low": NaN}')
    Traceback (most recent call last):
    ...
    ValueError: a number NaN, which is not finite
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"a number {text}, which is not finite")
    return value


def sealed(record: Mapping[str, Any], beside: Iterable[bytes] = ()) -> dict[str, Any]:
    """The record with the checksum of its content.

    Parameters
    ----------
    record
        What JSON can hold.
    beside
        Further content that the checksum covers, such as the tensors that the record is about.
    """
    return {**record, KEY: _digest(record, beside)}


def unsealed(record: Mapping[str, Any], source: object, beside: Iterable[bytes] = ()) -> dict[str, Any]:
    """The record without its checksum, which is verified; one that has none goes through.

    Records of earlier versions have none.

    Raises
    ------
    InputError
        If the checksum says that the content is another; ``source`` names the file.

    Examples
    --------
    >>> unsealed(sealed({"floor": 0.05}), "a card")
    {'floor': 0.05}
    >>> unsealed({**sealed({"floor": 0.05}), "floor": 0.06}, "a card")
    Traceback (most recent call last):
    ...
    hepsets.core.errors.InputError: a card is damaged or was edited: its checksum is another; ...
    """
    content = dict(record)
    stated = content.pop(KEY, None)
    if stated is not None and stated != _digest(content, beside):
        raise InputError(
            f"{source} is damaged or was edited: its checksum is another",
            "the content that was written",
            "copy or make it once more",
        )
    return content


def checksum_of_file(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(record: Mapping[str, Any], beside: Iterable[bytes]) -> str:
    # through JSON once: tuples become lists and numbers as keys text, as they come back
    plain = json.dumps(json.loads(json.dumps(record)), sort_keys=True).encode()
    digest = hashlib.sha256(plain)
    for part in beside:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
