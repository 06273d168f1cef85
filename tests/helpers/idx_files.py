"""Pairs of IDX files as MNIST has them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def write_pair(
    folder: Path, stem: str, *, images: int, first: int = 0, side: int = 4, classes: int = 10
) -> None:
    """Write images of bytes with one full pixel each, and labels that count up from ``first``."""
    pixels = np.zeros((images, side, side), dtype=np.uint8)
    pixels[np.arange(images), 0, np.arange(images) % side] = 255
    labels = ((first + np.arange(images)) % classes).astype(np.uint8)
    for what, code, array in (("images", 3, pixels), ("labels", 1, labels)):
        head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / f"{stem}-{what}-idx{code}-ubyte").write_bytes(head + array.tobytes())
