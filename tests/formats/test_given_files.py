"""A file is known again by whatever name it is given."""

import pytest

from hepsets.core.errors import InputError
from hepsets.formats.given_files import refuse_same_files, refuse_twice


@pytest.fixture
def names(tmp_path, monkeypatch):
    """One file by four names."""
    monkeypatch.chdir(tmp_path)
    file, link, hard = (tmp_path / name for name in ("a.root", "b.root", "c.root"))
    file.write_text("")
    link.symlink_to(file)
    hard.hardlink_to(file)
    return ["a.root", file, link, hard]


def test_every_name_of_a_file_is_refused_beside_every_other(names):
    for one in names:
        for other in names:
            with pytest.raises(InputError, match="twice"):
                refuse_twice([one, other], "data, or simulation")
            with pytest.raises(InputError, match="for training and for testing"):
                refuse_same_files([one], ["d.root", other])


def test_two_trees_are_two_samples_and_a_tree_is_part_of_its_file(names):
    refuse_twice(["a.root:one", "a.root:two"], "one sample")
    refuse_same_files(["a.root:one"], ["a.root:two"])
    for other in ("c.root:one", "a.root"):
        with pytest.raises(InputError, match="for training and for testing"):
            refuse_same_files(["a.root:one"], [other])


def test_a_file_may_stand_twice_on_one_side(names):
    refuse_same_files(["a.root", "b.root"], ["d.root", "d.root"])
