"""Write a file that appears under its name whole, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hepsets.core.errors import InputError


def new_partial(path: Path) -> Path:
    """An empty file beside ``path`` that no other writer uses, be it on another machine.

    Raises
    ------
    InputError
        If nothing can be written there, before any work is done for it.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder", "the name of a file to write")
        if not path.parent.is_dir():
            raise InputError(f"no folder {path.parent}", "an existing folder", "create it first")
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
        partial.touch()
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "a folder to write to") from error
    return partial


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it is renamed to ``path`` on a clean exit.

    After an error or a kill nothing stands under the final name, and what stood there before stays.

    Raises
    ------
    InputError
        If nothing can be written there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "note.txt") as partial:
    ...         _ = partial.write_text("done")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    path = Path(path)
    partial = new_partial(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
