import numpy as np
import pytest
import uproot

from hepsets.core.errors import InputError
from hepsets.formats.root_files import opened, split_tree, trees_of


def test_a_file_that_is_called_like_file_and_tree_is_that_file(tmp_path):
    path = tmp_path / "a.root:b"
    assert split_tree(path) == (tmp_path / "a.root", "b")
    path.touch()
    assert split_tree(path) == (path, None)


def test_trees_are_found_among_other_objects(tmp_path):
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file["h"] = np.histogram([1.0, 2.0])
        file["folder/tree"] = {"x": np.ones(2)}
    with opened(path) as file:
        assert list(trees_of(file)) == ["folder/tree"]


@pytest.mark.parametrize(
    ("content", "reason"), [(b"PAR1", "cannot be read as a ROOT"), (None, "no such file")]
)
def test_what_is_no_root_file_is_refused(tmp_path, content, reason):
    path = tmp_path / "a.root"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason), opened(path):
        pass
