"""Which images train, validate and test, how each is turned, and the table that says so."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.core.purpose import Purpose
from hepsets.core.whole_file import whole_file
from hepsets.represent.images.turns import Turns, draw_turns, turned

_STREAM = 0x5B


def split(images: Images, counts: Mapping[Purpose, int], seed: int) -> dict[Purpose, Images]:
    """Images drawn at random for each purpose, none for two.

    Parameters
    ----------
    images
        All there are.
    counts
        How many for each purpose.
    seed
        Of the draw; more images for the last purpose leave the others as they are.

    Raises
    ------
    InputError
        For more images than there are, or none for a purpose.
    """
    wanted = sum(counts.values())
    if wanted > len(images) or min(counts.values()) < 1:
        told = " + ".join(f"{number:,} for {purpose}" for purpose, number in counts.items())
        raise InputError(
            f"{told} of {len(images):,} images", f"together at most {len(images):,}, each 1 or more"
        )
    order = np.random.default_rng([seed, _STREAM]).permutation(len(images))
    edges = np.cumsum([0, *counts.values()])
    return {
        purpose: images[order[begin:end]].used_for(purpose)
        for purpose, begin, end in zip(counts, edges, edges[1:], strict=False)
    }


def turn_split(
    parts: Mapping[Purpose, Images], how: Mapping[Purpose, Turns], seed: int
) -> tuple[dict[Purpose, Images], dict[Purpose, np.ndarray]]:
    """Each image of a split turned once.

    Parameters
    ----------
    parts
        The images by purpose.
    how
        How those of each purpose are turned.
    seed
        Of the angles.

    Returns
    -------
    tuple
        The turned images, and the angles counter-clockwise [°], shape ``(n_images,)``, both by purpose.
    """
    angles = {
        purpose: draw_turns(len(part), how[purpose], seed * 3 + place)
        for place, (purpose, part) in enumerate(parts.items())
    }
    return {purpose: turned(part, angles[purpose]) for purpose, part in parts.items()}, angles


def write_split(path: Path, parts: Mapping[Purpose, Images], angles: Mapping[Purpose, np.ndarray]) -> None:
    """Write who is who: a CSV table of ``purpose``, ``id`` in the source, ``label`` and ``degrees`` turned.

    Parameters
    ----------
    path
        The file; it appears whole.
    parts, angles
        As :func:`turn_split` gives them.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("purpose", "id", "label", "degrees"))
    for purpose, part in parts.items():
        for row in zip(part.ids.tolist(), part.labels.tolist(), angles[purpose].tolist(), strict=True):
            table.writerow((str(purpose), row[0], row[1], f"{row[2]:.3f}".rstrip("0").rstrip(".")))
    with whole_file(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
