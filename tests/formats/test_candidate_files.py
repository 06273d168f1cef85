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


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["mc.root", "data=d.root"], "without a role"),
        (["b=mc.root", "data=d.root"], "of role 'b'"),
        (["signal=mc.root"], "no file of data"),
        (["data=d.root"], "no file of signal"),
        (["signal=a.root", "data=a.root"], "a.root twice"),
        (["signal=a.root", "data=none*.root"], "no file matches"),
    ],
)
def test_files_without_a_role_and_roles_without_a_file_are_refused(names, told):
    with pytest.raises(InputError, match=told):
        candidate_files(names)
