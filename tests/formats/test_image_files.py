"""Folders of IDX pairs and .npz files: what belongs together is found, what is missing is named."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.idx_files import write_pair

from hepsets.core.errors import InputError
from hepsets.formats.image_files import read_images


def test_training_files_of_a_folder_come_first_and_ids_count_through(tmp_path):
    write_pair(tmp_path, "t10k", images=2, first=7)
    write_pair(tmp_path, "train", images=3, first=1)
    found = read_images([tmp_path])
    assert found.labels.tolist() == [1, 2, 3, 7, 8]
    assert found.ids.tolist() == [0, 1, 2, 3, 4]
    assert found.pixels.shape == (5, 1, 4, 4)
    assert found.pixels.max() == 1.0  # 255


def test_images_without_labels_are_refused(tmp_path):
    write_pair(tmp_path, "train", images=3, first=1)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match=r"without labels; expected train-labels-idx1-ubyte beside it"):
        read_images([tmp_path])


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    with pytest.raises(InputError, match="train-images-idx3-ubyte"):
        read_images([tmp_path])


def test_arrays_are_read_by_any_of_their_usual_names(tmp_path):
    images, labels = np.full((3, 4, 4), 51, dtype=np.uint8), np.array([0, 1, 1], dtype=np.uint8)
    np.savez(tmp_path / "keras.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    np.savez(
        tmp_path / "colours.npz", images=np.ones((2, 3, 4, 4), dtype=np.float32), labels=np.array([4, 5])
    )
    found = read_images([tmp_path / "keras.npz"])
    assert len(found) == 6
    assert found.pixels.max() == pytest.approx(0.2)
    assert read_images([tmp_path / "colours.npz"]).shape == (3, 4, 4)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"pictures": np.zeros(3)}, "with arrays"),
        ({"x": np.zeros((3, 4)), "y": np.zeros(3, int)}, "of shape"),
        ({"x": np.zeros((3, 4, 4)), "y": np.zeros(2, int)}, "labels of shape"),
        ({"x": np.zeros((3, 4, 4)), "y": np.zeros(3)}, "integers"),
    ],
)
def test_arrays_that_are_no_labelled_images_are_refused(arrays, said, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=said):
        read_images([tmp_path / "a.npz"])


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read_images([tmp_path / "a.npz"])


def test_sizes_that_differ_are_refused(tmp_path):
    for side in (4, 5):
        np.savez(tmp_path / f"{side}.npz", x=np.zeros((1, side, side)), y=np.zeros(1, int))
    with pytest.raises(InputError, match="images of one size"):
        read_images([tmp_path / "4.npz", tmp_path / "5.npz"])
