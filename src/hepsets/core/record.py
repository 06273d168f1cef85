"""Records in JSON that carry a checksum of their content, and of what lies beside them in the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from hepsets.core.errors import InputError

KEY = "sha256"


def parse(text: str | bytes) -> Any:
    """What JSON text says.

    Raises
    ------
    ValueError
        If it is no JSON, or nested more deeply than anything that makes sense.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


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


def _digest(record: Mapping[str, Any], beside: Iterable[bytes]) -> str:
    # through JSON once: tuples become lists and numbers as keys text, as they come back
    plain = json.dumps(json.loads(json.dumps(record)), sort_keys=True).encode()
    digest = hashlib.sha256(plain)
    for part in beside:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
