"""The checksum at the end of an exported ONNX file.

Fields of a protocol-buffer message may stand in any order, and what is appended to the bytes of a message
belongs to it. So the last bytes of a file are one more metadata property, ``hepsets.sha256``, with the
SHA-256 of all bytes before it.
"""

from __future__ import annotations

import hashlib

from hepsets.core.errors import InputError

SEAL = "hepsets.sha256"
"""Name of the property; a graph that is written anew must lose it."""

_KEY = SEAL.encode()
_DIGITS = 64
_ENTRY = b"\x0a" + bytes([len(_KEY)]) + _KEY + b"\x12" + bytes([_DIGITS])  # key = 1, value = 2
_PREFIX = b"\x72" + bytes([len(_ENTRY) + _DIGITS]) + _ENTRY  # field 14 of a model: metadata_props


def seal(content: bytes) -> bytes:
    """The file with its checksum at the end; one that ends in a checksum already gets a new one."""
    content = _body(content)[0]
    return content + _PREFIX + hashlib.sha256(content).hexdigest().encode()


def check_seal(content: bytes, source: str) -> None:
    """Check a file that ends in a checksum; others, of earlier versions, go through.

    Raises
    ------
    InputError
        If the content is not what was exported.
    """
    body, stated = _body(content)
    if stated is not None and stated != hashlib.sha256(body).hexdigest().encode():
        raise InputError(
            f"{source} is damaged or was edited: its checksum is another",
            "a file as hepsets export wrote it",
            "copy or export it once more",
        )


def _body(content: bytes) -> tuple[bytes, bytes | None]:
    at = len(content) - len(_PREFIX) - _DIGITS
    if at < 0 or content[at : at + len(_PREFIX)] != _PREFIX:
        return content, None
    return content[:at], content[at + len(_PREFIX) :]
