"""Splits: no image serves two purposes, the draw repeats, and a table tells who is who."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.core.purpose import Purpose
from hepsets.represent.images.split import split, turn_split, write_split
from hepsets.represent.images.turns import turned

ALL = Images(np.random.default_rng(2).random((60, 1, 5, 5)), np.arange(60) % 10, np.arange(100, 160))
COUNTS = {Purpose.TRAINING: 30, Purpose.VALIDATION: 10, Purpose.TEST: 15}


def test_no_image_serves_two_purposes():
    parts = split(ALL, COUNTS, seed=1)
    ids = np.concatenate([part.ids for part in parts.values()])
    assert len(np.unique(ids)) == len(ids) == 55
    assert {purpose: len(part) for purpose, part in parts.items()} == COUNTS
    assert all(part.purpose is purpose for purpose, part in parts.items())


def test_a_split_repeats_with_its_seed_and_more_test_images_move_no_others():
    first, again = split(ALL, COUNTS, seed=1), split(ALL, {**COUNTS, Purpose.TEST: 20}, seed=1)
    other = split(ALL, COUNTS, seed=2)
    np.testing.assert_array_equal(first[Purpose.TRAINING].ids, again[Purpose.TRAINING].ids)
    assert (first[Purpose.TRAINING].ids != other[Purpose.TRAINING].ids).any()


def test_more_images_than_there_are_are_refused():
    with pytest.raises(InputError, match="together at most 60"):
        split(ALL, {**COUNTS, Purpose.TEST: 21}, seed=1)


def test_the_table_says_which_image_was_turned_how(tmp_path):
    parts = split(ALL, COUNTS, seed=1)
    how = {Purpose.TRAINING: "none", Purpose.VALIDATION: "quarter", Purpose.TEST: "any"}
    images, angles = turn_split(parts, how, seed=4)
    write_split(tmp_path / "split.csv", images, angles)
    with (tmp_path / "split.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 55
    assert {row["degrees"] for row in rows if row["purpose"] == "training"} == {"0"}
    tested = [row for row in rows if row["purpose"] == "test"]
    again = ALL.take(np.array([int(row["id"]) - 100 for row in tested]))
    redone = turned(again, np.array([float(row["degrees"]) for row in tested]))
    np.testing.assert_allclose(redone.pixels, images[Purpose.TEST].pixels, atol=1e-3)
    assert [int(row["label"]) for row in tested] == images[Purpose.TEST].labels.tolist()
