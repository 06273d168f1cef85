"""The trunk that comes with the package, and files of trunks by their checksum."""

from __future__ import annotations

from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.core.record import checksum_of_file

SHIPPED = "shipped"
"""What the package's own trunk is called where a file of one is asked for."""

FOLDER = Path(__file__).parent / "trunk"
"""Where it stands: ``shipped.safetensors``, and ``shipped.md``, its card."""


def trunk_file(name: str | Path) -> Path:
    """The file of a trunk: the shipped one by its name, else the path as it is.

    :data:`SHIPPED` always means the package's, whatever stands in the current folder.
    """
    return FOLDER / f"{SHIPPED}.safetensors" if str(name) == SHIPPED else Path(name)


def trunk_checksum(name: str | Path) -> str:
    """SHA-256 of the file of a trunk, in hexadecimal digits.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = trunk_file(name)
    if not path.is_file():
        raise InputError(f"no trunk {path}", f"a file of hepsets pretrain, or {SHIPPED}", "check the path")
    return checksum_of_file(path)


def checked_trunk(name: str | Path, sha256: str = "") -> Path:
    """The file of a trunk, which is the one that a run began with.

    Parameters
    ----------
    name
        :data:`SHIPPED`, or a path.
    sha256
        Checksum of the file that it must be; empty: any.

    Raises
    ------
    InputError
        If there is no such file, or it is another one.
    """
    found = trunk_checksum(name)
    if sha256 and found != sha256:
        raise InputError(
            f"trunk {name} with checksum {found[:12]}",
            f"the one with {sha256[:12]}, as trunk_sha256 says",
            "take that file, or leave trunk_sha256 out to start from this one",
        )
    return trunk_file(name)
