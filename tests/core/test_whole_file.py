import pytest

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
