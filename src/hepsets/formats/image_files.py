"""Labelled images of users: folders of IDX pairs as MNIST comes, and NumPy's ``.npz``."""

from __future__ import annotations

import lzma
import re
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.compression import COMPRESSIONS
from hepsets.core.errors import InputError, reason
from hepsets.core.images import Images
from hepsets.formats.given_files import refuse_twice
from hepsets.formats.idx_images import read_idx

_IMAGES = re.compile(r"images(?=[-._]idx3)")

PAIRS = (("images", "labels"), ("x", "y"), ("x_train", "y_train"), ("x_test", "y_test"))
"""What arrays of images and their labels are called in an ``.npz`` file; Keras' ``mnist.npz`` has the last
two pairs."""

_DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
_DAMAGED += (RuntimeError, SyntaxError, tokenize.TokenError)
"""What zip files and NumPy's headers raise for bytes that they cannot make sense of, encryption included."""


def read_images(paths: Sequence[str | Path]) -> Images:
    """All images of folders and files, one after the other; ids count through.

    Parameters
    ----------
    paths
        Folders with pairs of IDX files as MNIST has them (``train-images-idx3-ubyte``,
        ``train-labels-idx1-ubyte``; compressed or not), single IDX files of images, and ``.npz`` files with
        one or more of :data:`PAIRS`. Of a folder, training files come before all others.

    Returns
    -------
    Images
        Whole numbers become shares of the largest that their type holds, 255 for bytes.

    Raises
    ------
    InputError
        If there are none, labels are missing, sizes differ, or a file is given twice.
    """
    parts: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []
    for file in image_files(paths):
        parts += _npz(file) if file.suffix == ".npz" else [_pair(file)]
    shapes = {pixels.shape[1:] for pixels, _ in parts}
    if len(shapes) != 1:
        raise InputError(f"images of sizes {sorted(shapes)}" if shapes else "no images", "images of one size")
    pixels = np.concatenate([pixels for pixels, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    return Images(pixels, labels, np.arange(len(labels)))


def image_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files of images that :func:`read_images` reads of these, labels aside.

    Where a folder holds a file both as it is and compressed, the latter is left out: its images would
    stand there twice, for training and for testing.

    Raises
    ------
    InputError
        For a folder without any, or a file that is given twice.
    """
    files = [file for path in map(Path, paths) for file in _files(path)]
    refuse_twice(files, "its images would serve two purposes")
    return files


# -- inside ------------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    """The IDX files of images in a folder, or the file itself."""
    if not path.is_dir() or path.suffix == ".npz":
        return [path]
    names = {file.name for file in path.iterdir()}
    found = [path / name for name in names if _IMAGES.search(name) and not _plain_beside(name, names)]
    if not found:
        raise InputError(
            f"{path} without IDX files of images",
            "files such as train-images-idx3-ubyte.gz beside train-labels-idx1-ubyte.gz",
        )
    return sorted(found, key=lambda file: (not file.name.startswith("train"), file.name))


def _plain_beside(name: str, names: set[str]) -> bool:
    """Whether a file is a compressed one that stands there as it is, too."""
    return any(name.endswith(ending) and name.removesuffix(ending) in names for ending in COMPRESSIONS)


def _pair(file: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    name = _IMAGES.sub("labels", file.name).replace("idx3", "idx1")
    beside = [file.with_name(name), file.with_name(name.removesuffix(".gz")), file.with_name(f"{name}.gz")]
    labels = next((other for other in beside if other != file and other.is_file()), None)
    if not _IMAGES.search(file.name) or (labels is None and file.is_file()):
        raise InputError(f"{file} without labels", f"{beside[0].name} beside it")
    return _checked(read_idx(file), read_idx(labels or beside[0]), str(file))


def _npz(path: Path) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file):
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            arrays = {name: np.asarray(archive[name]) for pair in PAIRS for name in pair if name in archive}
    except _DAMAGED as error:
        raise InputError(f"{path} cannot be read ({reason(error)})", "a .npz file of plain arrays") from error
    pairs = [pair for pair in PAIRS if all(name in arrays for name in pair)]
    if not pairs:
        expected = " or ".join(" and ".join(pair) for pair in PAIRS)
        raise InputError(f"{path} with arrays {sorted(arrays)}", f"arrays {expected}")
    for images, labels in pairs:
        yield _checked(arrays[images], arrays[labels], f"{path}: {images}")


def _checked(
    images: NDArray[Any], labels: NDArray[Any], source: str
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.dtype.kind not in "buif" or 0 in images.shape:
        raise InputError(
            f"{source} of shape {images.shape}",
            "(images, height, width) or (images, channels, height, width)",
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "ui":
        raise InputError(f"{source}: labels of shape {labels.shape}", f"integers of shape ({len(images)},)")
    with np.errstate(over="ignore"):  # what is too large is refused as not finite
        pixels = images.astype(np.float32)
    if images.dtype.kind in "ui":
        pixels /= np.iinfo(images.dtype).max
    return pixels, labels.astype(np.int64)
