"""Folders of IDX pairs and .npz files: what belongs together is found, what is missing is named."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

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


def test_a_file_that_is_there_compressed_as_well_is_read_once(tmp_path):
    write_pair(tmp_path, "train", images=3)
    for file in list(tmp_path.iterdir()):
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert len(read_images([tmp_path])) == 3


def test_a_file_given_twice_is_refused(tmp_path):
    write_pair(tmp_path, "train", images=3)
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte twice; expected each file once"):
        read_images([tmp_path, tmp_path / "train-images-idx3-ubyte"])


def _archive(**entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("_npy", ".npy"), content)
    return file.getvalue()


def _header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _encrypted(content):
    return content.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


def _unknown_method(content):
    return content.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x63"
    )


_HUGE = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000, 1000), }\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        _header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (1, ), }\n") + b"1",  # a lone array
        _archive(images_npy=_header(_HUGE) + b"1", labels_npy=b""),
        _archive(images_npy=_header(b"{'descr': '|u1', 'shape': (((((1, }\n"), labels_npy=b""),
        _archive(images=b"no array", labels=b"no array"),
        _encrypted(_archive(images_npy=_header(_HUGE))),
        _unknown_method(_archive(images_npy=_header(_HUGE))),
    ],
    ids=["empty", "text", "array", "huge", "header", "strings", "encrypted", "method"],
)
def test_a_damaged_archive_is_refused_in_one_line(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_images([tmp_path / "a.npz"])
    assert "\n" not in str(refused.value)
