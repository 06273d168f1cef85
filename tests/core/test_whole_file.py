import errno
import os

import pytest

from hepsets.core.errors import InputError
from hepsets.core.whole_file import whole_file


def test_an_error_leaves_what_stood_there_and_nothing_else(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")

    def half_written():
        with whole_file(path) as partial:
            partial.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        half_written()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path):
    for path, problem in ((tmp_path, "is a folder"), (tmp_path / "no" / "note.txt", "no folder")):
        with pytest.raises(InputError, match=problem), whole_file(path):
            pytest.fail("the work began")
    assert not list(tmp_path.iterdir())


def test_a_file_name_that_the_system_refuses_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="cannot be written"), whole_file(tmp_path / ("x" * 300)):
        pytest.fail("the work began")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_is_told_with_the_name_of_the_file(tmp_path, number):
    with pytest.raises(OSError, match=os.strerror(number)) as told, whole_file(tmp_path / "big.parquet"):
        raise OSError(number, os.strerror(number))
    assert told.value.filename == str(tmp_path / "big.parquet")
    assert not list(tmp_path.iterdir())
