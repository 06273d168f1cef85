"""The images of a run: digits, files or events, split, turned, and kept where trainings find them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.c4_images.config import Config
from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.core.whole_file import whole_file
from hepsets.formats.digits import read_digits
from hepsets.formats.given_files import refuse_same_files
from hepsets.formats.image_files import image_files, read_images
from hepsets.represent.images.split import split, turn_split, write_split
from hepsets.represent.images.turns import Turns, draw_turns, turned

TEST = "test"
"""The part of a sample that judges; other parts of this purpose have longer names."""

MAIN, UPRIGHT, PUBLISHED = "main", "upright", "published"
"""Samples: the images of the run; the same trained on as they are, and tested turned; the coursework's."""


@dataclass(frozen=True)
class Sample:
    """Images of one kind, in files.

    Parameters
    ----------
    name
        Of the sample.
    data
        What ``result.json`` calls the images.
    folder
        Where its files are, one for each part.
    purposes
        What each part is for.
    counts
        Images of each part.
    shape
        Channels, height and width.
    classes
        Names of the classes.
    """

    name: str
    data: str
    folder: Path
    purposes: Mapping[str, Purpose]
    counts: Mapping[str, int]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]

    def load(self, part: str) -> Images:
        """The images of a part."""
        with np.load(self.folder / f"{part}.npz", allow_pickle=False) as kept:
            return Images(kept["pixels"], kept["labels"], kept["ids"], self.purposes[part])

    @property
    def tests(self) -> tuple[str, ...]:
        """Parts that judge."""
        return tuple(part for part, purpose in self.purposes.items() if purpose is Purpose.TEST)


def store(
    name: str, data: str, folder: Path, parts: Mapping[str, Images], classes: tuple[str, ...]
) -> Sample:
    """Write the parts of a sample, each for the purpose that its images have.

    Raises
    ------
    InputError
        For images of no purpose.
    """
    folder.mkdir(parents=True, exist_ok=True)
    purposes: dict[str, Purpose] = {}
    for part, images in parts.items():
        if images.purpose is None:
            raise InputError(f"images of {name} for no purpose", "a purpose for each part")
        purposes[part] = images.purpose
        arrays: dict[str, Any] = {"pixels": images.pixels, "labels": images.labels, "ids": images.ids}
        with whole_file(folder / f"{part}.npz") as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    shape = parts[str(Purpose.TRAINING)].shape
    counts = {part: len(images) for part, images in parts.items()}
    log.info("%s: %s of %s pixels", name, counts, shape)
    return Sample(name, data, folder, purposes, counts, shape, classes)


def get_samples(config: Config, folder: Path) -> dict[str, Sample]:
    """Read, split and turn the images that a run needs, by the name of the sample.

    The table ``split.csv`` of each says which image serves what, and how it was turned.

    Parameters
    ----------
    config
        The run's.
    folder
        Where they are kept.

    Raises
    ------
    InputError
        For images that are not square, or fewer than are wanted, and for test files that are trained on,
        too, or have images of other sizes or classes.
    """
    data = config.data
    whole = read_images(data.train) if data.train else read_digits()
    _demand_square(whole)
    source = "files" if data.train else "digits"
    own_test = read_images(data.test) if data.test else None
    _demand_classes(whole, own_test)
    if own_test is not None:
        _refuse_shared(config, whole, own_test)
    classes = tuple(str(label) for label in range(1 + int(whole.labels.max())))
    counts = _counts(data.training_images, data.validation_images, data.test_images)
    parts = _split(whole, own_test, counts, config.seed)
    found = {
        MAIN: _turned_sample(
            MAIN, f"{source}_{data.turns}", folder / MAIN, parts, data.turns, config.seed, classes
        )
    }
    if "upright" in config.studies:
        found[UPRIGHT] = _upright(f"{source}_upright", folder / UPRIGHT, parts, config.seed, classes)
    if "published" in config.studies:
        wanted = config.published
        parts = _split(whole, own_test, _counts(wanted.training, wanted.validation, wanted.test), config.seed)
        found[PUBLISHED] = _turned_sample(
            PUBLISHED, "published", folder / PUBLISHED, parts, "quarter", config.seed, classes
        )
    return found


def _counts(training: int, validation: int, test: int) -> dict[Purpose, int]:
    return {Purpose.TRAINING: training, Purpose.VALIDATION: validation, Purpose.TEST: test}


def _demand_square(images: Images) -> None:
    if not images.square:
        channels, height, width = images.shape
        last = channels == height and width in (1, 3, 4)
        raise InputError(
            f"images of {channels} channels, {height} by {width} pixels",
            "square images, channels first",
            "move the channels: np.moveaxis(images, -1, 1)" if last else "pad or crop them",
        )


def _demand_classes(whole: Images, own_test: Images | None) -> None:
    """Refuse labels that are none, and test images that no model of the others could judge."""
    highest = int(whole.labels.max())
    if (whole.labels == highest).all():
        raise InputError(f"class {highest} for every image", "images of several classes")
    if highest >= len(whole):
        raise InputError(f"label {highest} of {len(whole)} images", "classes numbered from 0 without gaps")
    if own_test is None:
        return
    if own_test.shape != whole.shape:
        raise InputError(
            f"test images of {own_test.shape} (channels, height, width)", f"{whole.shape}, as trained on"
        )
    if own_test.labels.max() > highest:
        raise InputError(f"test images of class {own_test.labels.max()}", f"0 to {highest}, as trained on")


def _refuse_shared(config: Config, whole: Images, own_test: Images) -> None:
    """Refuse to test on files that are trained on; tell of images that are in both."""
    refuse_same_files(image_files(config.data.train), image_files(config.data.test))
    seen = {image.tobytes() for image in whole.pixels}
    shared = sum(image.tobytes() in seen for image in own_test.pixels)
    if shared:
        log.warning("%d of %d test images are among those to train and validate on", shared, len(own_test))


def _split(
    whole: Images, own_test: Images | None, counts: dict[Purpose, int], seed: int
) -> dict[Purpose, Images]:
    """Images by purpose; of the user's own test files as many as are wanted or there, at random."""
    if own_test is None:
        return split(whole, counts, seed)
    parts = split(whole, {purpose: n for purpose, n in counts.items() if purpose is not Purpose.TEST}, seed)
    number = min(counts[Purpose.TEST], len(own_test))  # files may be in the order of their classes
    return {**parts, **split(own_test, {Purpose.TEST: number}, seed)}


def _turned_sample(
    name: str,
    data: str,
    folder: Path,
    parts: dict[Purpose, Images],
    turns: Turns,
    seed: int,
    classes: tuple[str, ...],
) -> Sample:
    images, angles = turn_split(parts, dict.fromkeys(parts, turns), seed)
    sample = store(name, data, folder, {str(purpose): one for purpose, one in images.items()}, classes)
    write_split(folder / "split.csv", images, angles)
    return sample


def _upright(
    data: str, folder: Path, parts: dict[Purpose, Images], seed: int, classes: tuple[str, ...]
) -> Sample:
    """Images as they are to train on, and the test images as they are, by quarter turns, and by any angle."""
    test, named = parts[Purpose.TEST], {str(purpose): one for purpose, one in parts.items()}
    ways: tuple[Turns, ...] = ("quarter", "any")
    more = {f"{TEST}_{how}": turned(test, draw_turns(len(test), how, seed)) for how in ways}
    sample = store(UPRIGHT, data, folder, {**named, **more}, classes)
    write_split(folder / "split.csv", parts, {purpose: np.zeros(len(one)) for purpose, one in parts.items()})
    return sample


def some(images: Images, number: int) -> Images:
    """The first ``number`` images, or all; they were drawn at random."""
    return images[: min(number, len(images))]


def labels_of(sample: Sample, part: str = TEST) -> NDArray[np.int64]:
    """True classes of a part, shape ``(n_images,)``."""
    with np.load(sample.folder / f"{part}.npz", allow_pickle=False) as kept:
        labels: NDArray[np.int64] = kept["labels"]
    return labels
