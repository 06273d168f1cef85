"""Files of candidates say what they are."""

from pathlib import Path

import pytest

from hepsets.core.errors import InputError
from hepsets.formats.candidate_files import candidate_files


def test_files_and_patterns_go_by_the_word_before_them(tmp_path):
    for name in ("b.root", "a.root"):
        (tmp_path / name).write_text("")
    found = candidate_files([f"data={tmp_path}/*.root", "signal=mc.root:DecayTree"])
    assert found == {
        "signal": [Path("mc.root:DecayTree")],
        "data": [tmp_path / "a.root", tmp_path / "b.root"],
    }


def test_another_name_of_a_file_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, link, hard = (tmp_path / name for name in ("a.root", "b.root", "c.root"))
    file.write_text("")
    link.symlink_to(file)
    hard.hardlink_to(file)
    (tmp_path / "folder").mkdir()
    others = (file, "./a.root", "folder/../a.root", link, hard, "a.root:DecayTree")
    for other in others:
        with pytest.raises(InputError, match=r"twice"):
            candidate_files(["signal=a.root", f"data={other}"])
    with pytest.raises(InputError, match=r"gone\.root twice"):
        candidate_files(["signal=gone.root", f"data={tmp_path}/gone.root"])


def test_two_trees_of_one_file_are_two_samples(tmp_path):
    file = tmp_path / "a.root"
    file.write_text("")
    found = candidate_files([f"signal={file}:Signal", f"data={file}:Data"])
    assert found == {"signal": [Path(f"{file}:Signal")], "data": [Path(f"{file}:Data")]}
    with pytest.raises(InputError, match="twice"):
        candidate_files([f"signal={file}:Signal", f"data={file}:Data", f"data={file}:Signal"])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["mc.root", "data=d.root"], "without a role"),
        (["b=mc.root", "data=d.root"], "of role 'b'"),
        (["signal=mc.root"], "no file of data"),
        (["data=d.root"], "no file of signal"),
        (["signal=a.root", "data=a.root"], "a.root twice"),
        (["signal=a.root", "data=none*.root"], "no file matches"),
        (["signal=a.root", "data="], "data= without a file"),
    ],
)
def test_files_without_a_role_and_roles_without_a_file_are_refused(names, told):
    with pytest.raises(InputError, match=told):
        candidate_files(names)
