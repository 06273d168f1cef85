"""Write a file that appears under its name whole, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def partial_path(path: Path) -> Path:
    """A name beside ``path`` that no other writer uses, be it on another machine."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it is renamed to ``path`` on a clean exit.

    After an error or a kill nothing stands under the final name, and what stood there before stays.

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
    partial = partial_path(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
